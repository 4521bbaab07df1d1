"""One run on several devices: here, processes of one machine."""

from pathlib import Path

import pytest
from settings import changed

from epochwise.config import ONE_DEVICE, Experiment, TrainerConfig
from epochwise.experiment import run_trunk
from epochwise.record import Record, RowLosses, is_done, run_folder
from epochwise.sweep.plan import Trunk
from epochwise.sweep.worker import Job, carried_out, train_trunk
from epochwise.train.stop import Stop


def trained_on(config: TrainerConfig, runs: dict[str, Experiment], folder: Path) -> str:
    (folder / "log").mkdir(parents=True, exist_ok=True)
    job = Job(Trunk("t", runs, 0, 0), folder, 1, config)
    job.home.mkdir(parents=True, exist_ok=True)
    job.token.write_text("1")
    return carried_out(train_trunk, job, Stop(job.stop), alive=lambda: None)


@pytest.fixture
def runs(experiment: Experiment) -> dict[str, Experiment]:
    """Without dropout, whose masks depend on who draws them; 22 rows leave a last step of 6."""
    return {
        f"e{n}": changed(experiment, {"peft.lora_dropout": 0.0, "train.epochs": n}) for n in (1, 3)
    }


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_give_the_result_of_one(
    runs: dict[str, Experiment], tmp_path: Path, strategy: str
) -> None:
    run_trunk(runs, tmp_path / "one")
    both = ONE_DEVICE.model_copy(update={"devices": 2, "strategy": strategy})
    assert trained_on(both, runs, tmp_path / "two") == "finished", (
        tmp_path / "two" / "log" / "t.log"
    ).read_text()
    for run in runs:
        one, two = (run_folder(tmp_path / place, run) for place in ("one", "two"))
        assert is_done(two)
        records = [Record.load(folder / "record.json") for folder in (one, two)]
        for a, b in zip(records[0].curve, records[1].curve, strict=True):
            assert b.val == pytest.approx(a.val, abs=1e-5)
            assert b.probe == pytest.approx(a.probe, abs=1e-5)
        assert records[0].curve[-1].probe < records[0].curve[0].probe - 0.1
        assert records[0].summary.tokens == records[1].summary.tokens
        nats = [RowLosses.load(folder / "rows.npz").val for folder in (one, two)]
        assert nats[1] == pytest.approx(nats[0], abs=1e-4)


def test_a_failure_of_all_is_told_once(runs: dict[str, Experiment], tmp_path: Path) -> None:
    broken = {"e1": changed(runs["e1"], {"data.size": 500})}
    both = ONE_DEVICE.model_copy(update={"devices": 2})
    assert trained_on(both, broken, tmp_path) == "failed"
    assert "data.size" in (tmp_path / "trunks" / "t" / "problem-1.json").read_text()
