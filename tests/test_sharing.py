"""What a study shares: each run on a trunk equals the same run alone, bit for bit."""

import itertools
from pathlib import Path

import pytest
from settings import changed

from epochwise.config import Experiment
from epochwise.data.order import steps_per_epoch
from epochwise.experiment import run_trunk
from epochwise.record import Record, run_folder
from epochwise.train.trajectory import Path as Trajectory
from epochwise.train.trajectory import Paths, stretch

FILES = ("rows.npz", "adapter/adapter_model.safetensors", "journal.jsonl")


def paths_of(runs: dict[str, Experiment]) -> dict[str, Trajectory]:
    paths = Paths()
    return {name: paths.of(run, "rows") for name, run in runs.items()}


def steps_trained(runs: dict[str, Experiment]) -> int:
    return stretch(paths_of(runs)).steps


def assert_each_equals_its_lone_run(runs: dict[str, Experiment], folder: Path) -> None:
    run_trunk(runs, folder / "trunk")
    for name, run in runs.items():
        run_trunk({name: run}, folder / name)
        together, alone = (run_folder(folder / place, name) for place in ("trunk", name))
        for file in FILES:
            assert (together / file).read_bytes() == (alone / file).read_bytes(), (name, file)
        records = [Record.load(place / "record.json") for place in (together, alone)]
        assert records[0].curve == records[1].curve
        assert records[0].verdict == records[1].verdict
        assert records[0].summary.tokens == records[1].summary.tokens
        assert records[0].summary.adapter_digest == records[1].summary.adapter_digest


def test_wsd_exits_equal_lone_wsd_runs(experiment: Experiment, tmp_path: Path) -> None:
    runs = {
        f"e{n}": changed(experiment, {"train.schedule": "wsd", "train.epochs": n})
        for n in (2, 4, 7)
    }
    assert steps_trained(runs) == 21 + 1 + 2  # the longest, and the cooldowns of 6 and 12 steps
    assert_each_equals_its_lone_run(runs, tmp_path)


def test_sizes_share_the_first_pass_up_to_the_last_whole_batch(
    experiment: Experiment, tmp_path: Path
) -> None:
    runs = {
        f"n{size}e{epochs}": changed(experiment, {"data.size": size, "train.epochs": epochs})
        for size, epochs in itertools.product((8, 11, 22), (1, 2))
    }
    alone = sum(
        run.train.epochs * steps_per_epoch(run.data.size, run.train.batch_size)
        for run in runs.values()
    )
    assert alone == 3 + 6 + 9
    assert steps_trained(runs) == 2 + 4 + 6 - 2  # the first step is one for all three sizes
    assert_each_equals_its_lone_run(runs, tmp_path)


def test_wsd_runs_share_their_steady_part_with_constant_ones(experiment: Experiment) -> None:
    steady, cooled = (
        changed(experiment, {"train.schedule": schedule, "train.epochs": 5})
        for schedule in ("constant", "wsd")
    )
    assert steps_trained({"steady": steady, "cooled": cooled}) == 15 + 3
    paths = paths_of({"steady": steady, "cooled": cooled})
    assert paths["steady"].parts_from(paths["cooled"]) == 12


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_schedules_that_look_at_the_end_are_never_shared(experiment: Experiment, kind: str) -> None:
    short, long = (changed(experiment, {"train.schedule": kind, "train.epochs": n}) for n in (2, 4))
    paths = paths_of({"short": short, "long": long})
    assert paths["short"].parts_from(paths["long"]) == -1
    assert not set(paths["short"].states) & set(paths["long"].states)


@pytest.mark.parametrize(
    "changes",
    [
        {"peft.r": 8},
        {"peft.lora_alpha": 16},
        {"peft.lora_dropout": 0.0},
        {"train.seed": 1},
        {"train.learning_rate": 1e-3},
        {"train.batch_size": 4},
        {"train.micro_batch_size": 2},
        {"train.weight_decay": 0.0},
        {"train.clip_norm": 2.0},
        {"train.max_skipped_steps": 1},
        {"data.seed": 1},
        {"data.val_size": 13},
        {"data.train_on": "all"},
        {"data.max_tokens": 120},
        {"data.canaries": 1},
        {"model.path": "world:4m"},
        {"model.weights": "bf16"},
        {"model.template": "alpaca"},
        {"model.thinking": False},
        {"evaluate.batch_size": 4},
    ],
    ids=str,
)
def test_whatever_changes_a_number_parts_from_the_start(
    experiment: Experiment, changes: dict[str, object]
) -> None:
    paths = paths_of({"a": experiment, "b": changed(experiment, changes)})
    assert paths["a"].parts_from(paths["b"]) == -1


def test_a_later_warm_up_parts_where_the_rates_do(experiment: Experiment) -> None:
    longer = changed(experiment, {"train.warmup_steps": 3})
    paths = paths_of({"a": experiment, "b": longer})
    assert paths["a"].parts_from(paths["b"]) == 0


def test_labels_and_places_share_everything(experiment: Experiment) -> None:
    other = {"data.name": "mine", "data.path": "the same rows elsewhere", "peft.name": "mine"}
    paths = paths_of({"a": experiment, "b": changed(experiment, other)})
    assert paths["a"].parts_from(paths["b"]) == paths["a"].steps == 6


def test_other_rows_share_nothing(experiment: Experiment) -> None:
    paths = Paths()
    assert paths.of(experiment, "these").parts_from(paths.of(experiment, "those")) == -1
