"""A training stopped at any step and taken up again ends bit for bit as if never stopped."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from settings import changed

from epochwise.config import ONE_DEVICE, Experiment
from epochwise.experiment import Manner, run_trunk
from epochwise.model import module
from epochwise.record import Record, Tick, is_done, run_folder
from epochwise.train import state, trunk
from epochwise.train.stop import Stop, Stopped

SOAK = "EPOCHWISE_SOAK" in os.environ
EVERY_STEP = ONE_DEVICE.model_copy(update={"checkpoint_seconds": 0})
SELDOM = ONE_DEVICE.model_copy(update={"checkpoint_seconds": 3600})
LAST = 38  # steps of the two runs below: 36, and 2 in which the shorter one cools down
STOPS = range(1, LAST + 1) if SOAK else range(1, LAST + 1, 7)
FILES = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")

Runs = dict[str, Experiment]


class Broken(RuntimeError):  # noqa: N818 - what a test raises in the middle of a training
    pass


@pytest.fixture(params=[3, None], ids=["accumulating", "whole"])
def runs(experiment: Experiment, tiny_base: Path, request: pytest.FixtureRequest) -> Runs:
    """wsd, so that stops fall on the trunk, on a cooldown branch, and behind it."""
    common = {"model.path": str(tiny_base), "train.schedule": "wsd"}
    common |= {"train.micro_batch_size": request.param}
    return {f"e{n}": changed(experiment, common | {"train.epochs": n}) for n in (4, 12)}


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def left(folder: Path, runs: Runs) -> dict[str, list[bytes]]:
    return {run: [(run_folder(folder, run) / file).read_bytes() for file in FILES] for run in runs}


def unfinished(folder: Path, runs: Runs) -> Runs:
    return {name: run for name, run in runs.items() if not is_done(run_folder(folder, name))}


def go_on(folder: Path, runs: Runs) -> int:
    """Finish what is left; returns the steps that took."""
    steps: list[Tick] = []
    run_trunk(unfinished(folder, runs), folder, on_step=steps.append)
    return len(steps)


def at(step: int, do: Callable[[], None]) -> Callable[[Tick], None]:
    return lambda tick: do() if tick.step == step else None


def stopped_by_exception(folder: Path, runs: Runs, step: int) -> None:
    def fail() -> None:
        raise Broken

    with pytest.raises(Broken):
        run_trunk(runs, folder, on_step=at(step, fail), manner=Manner(config=EVERY_STEP))


def stopped_by_signal(folder: Path, runs: Runs, step: int) -> None:
    stop = Stop(folder / "stop")
    stop.listen()
    ask = at(step, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped):
        run_trunk(runs, folder, on_step=ask, manner=Manner(config=SELDOM, stop=stop))


def killed(folder: Path, runs: Runs, step: int) -> None:
    child = os.fork()
    if child == 0:
        die = at(step, lambda: os.kill(os.getpid(), signal.SIGKILL))
        run_trunk(runs, folder, on_step=die, manner=Manner(config=EVERY_STEP))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("stop", [stopped_by_exception, stopped_by_signal, killed])
def test_a_run_stopped_at_any_step_ends_as_if_it_had_not_been(
    stop: Callable[[Path, Runs, int], None],
    runs: Runs,
    signals: None,
    tmp_path: Path,
) -> None:
    run_trunk(runs, tmp_path / "unbroken")
    expected = left(tmp_path / "unbroken", runs)
    for step in STOPS:
        folder = tmp_path / str(step)
        stop(folder, runs, step)
        taken = go_on(folder, runs)
        assert left(folder, runs) == expected, step
        redone = 0 if stop is stopped_by_signal else 1  # the step whose end was not kept
        branches = 2  # the state at which runs part is kept in any case
        assert taken <= LAST - step + redone + branches
    print(f"{len(STOPS)} stop points, 0 differences")


def test_ten_stops_in_a_row_change_nothing(runs: Runs, tmp_path: Path) -> None:
    run_trunk(runs, tmp_path / "unbroken")
    folder = tmp_path / "broken"
    for _ in range(10):
        countdown = iter([None, None, Broken()])

        def fall(tick: Tick, countdown: Iterator[Broken | None] = countdown) -> None:
            if problem := next(countdown):
                raise problem

        with pytest.raises(Broken):
            run_trunk(
                unfinished(folder, runs), folder, on_step=fall, manner=Manner(config=EVERY_STEP)
            )
    go_on(folder, runs)
    assert left(folder, runs) == left(tmp_path / "unbroken", runs)


def forget_moments(optimizer: torch.optim.Optimizer, kept: dict[str, torch.Tensor]) -> None:
    """What a resume does that restores weights only."""


def draw_anew(seed: int, *purpose: int | str) -> int:
    return random.SystemRandom().randrange(2**63)


@pytest.mark.parametrize("sabotage", ["moments", "draws", "order"])
def test_a_resume_that_forgets_something_is_caught(
    sabotage: str, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trunk(runs, tmp_path / "unbroken")
    stopped_by_exception(tmp_path / "broken", runs, 20)
    match sabotage:
        case "moments":
            monkeypatch.setattr(state, "restore_optimizer", forget_moments)
        case "draws":
            monkeypatch.setattr(module, "seed_for", draw_anew)
        case "order":
            trained = trunk.Trained
            monkeypatch.setattr(
                trunk, "Trained", lambda rows, *rest: trained(list(reversed(rows)), *rest)
            )
    go_on(tmp_path / "broken", runs)
    broken, whole = (left(tmp_path / name, runs) for name in ("broken", "unbroken"))
    assert broken["e4"] == whole["e4"]
    assert broken["e12"] != whole["e12"]


def test_a_longer_run_goes_on_where_a_shorter_one_ended(
    experiment: Experiment, tmp_path: Path
) -> None:
    short, long = (changed(experiment, {"train.epochs": n}) for n in (2, 4))
    run_trunk({"short": short}, tmp_path / "extended")
    assert go_on(tmp_path / "extended", {"long": long}) == 6
    run_trunk({"long": long}, tmp_path / "alone")
    assert left(tmp_path / "extended", {"long": long}) == left(tmp_path / "alone", {"long": long})


def test_a_larger_size_goes_on_where_a_smaller_one_was_kept(
    experiment: Experiment, tmp_path: Path
) -> None:
    small = changed(experiment, {"data.size": 8, "train.epochs": 1})
    run_trunk({"small": small}, tmp_path / "extended")
    assert go_on(tmp_path / "extended", {"large": experiment}) == 5  # of 6: the first is shared
    run_trunk({"large": experiment}, tmp_path / "alone")
    large = {"large": experiment}
    assert left(tmp_path / "extended", large) == left(tmp_path / "alone", large)


def test_a_size_that_has_left_does_not_come_back(experiment: Experiment, tmp_path: Path) -> None:
    runs = {
        "small": changed(experiment, {"data.size": 16, "train.epochs": 1}),
        "large": experiment,
    }
    run_trunk(runs, tmp_path / "unbroken")
    stopped_by_exception(tmp_path / "broken", runs, 3)  # kept after step 2, where small leaves
    assert unfinished(tmp_path / "broken", runs).keys() == {"large"}
    assert go_on(tmp_path / "broken", runs) == 4
    assert left(tmp_path / "broken", runs) == left(tmp_path / "unbroken", runs)


def test_a_state_made_with_other_code_is_not_taken_up(
    experiment: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    short, long = (changed(experiment, {"train.epochs": n}) for n in (2, 4))
    run_trunk({"short": short}, tmp_path)
    monkeypatch.setattr("epochwise.experiment.made_with", lambda weights: {"code": "other"})
    assert go_on(tmp_path, {"long": long}) == 12
    assert "other code, packages or" in capsys.readouterr().out


def test_a_step_in_the_middle_of_measuring_is_not_lost(
    experiment: Experiment, signals: None, tmp_path: Path
) -> None:
    stop = Stop(tmp_path / "stop")
    (tmp_path / "stop").touch()
    with pytest.raises(Stopped):
        run_trunk({"run": experiment}, tmp_path, manner=Manner(stop=stop))
    (tmp_path / "stop").unlink()
    go_on(tmp_path, {"run": experiment})
    assert Record.load(run_folder(tmp_path, "run") / "record.json").summary.steps == 6
