"""The supervisor of a study is killed again and again: nothing is lost and nothing done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from settings import changed

from epochwise.config import Experiment
from epochwise.record import is_done, run_folder
from epochwise.sweep import ledger
from epochwise.sweep.ledger import State

SOAK = "EPOCHWISE_SOAK" in os.environ
KILLS, RUNS = (50, 100) if SOAK else (5, 12)
LONGEST = 0.6  # seconds of work between two kills

SUPERVISOR = """
import sys
sys.path[:0] = {path!r}
from test_supervisor import *
from epochwise.config import Experiment
run = Experiment.model_validate_json({run!r})
trunks = [Trunk(f"t{{n}}", {{f"{{n}}": run}}, 1, 1) for n in range({count})]
print("up", flush=True)
carried_out(trunks, Path({folder!r}), Listener(), slots=2)
"""


def started(run: Experiment, folder: Path) -> "subprocess.Popen[str]":
    tests = [str(Path(__file__).parents[1] / part) for part in ("", "sweep")]
    script = SUPERVISOR.format(
        path=[*tests, *sys.path], run=run.model_dump_json(), folder=str(folder), count=RUNS
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_each_run_is_completed_exactly_once_however_often_the_supervisor_is_killed(
    experiment: Experiment, tmp_path: Path
) -> None:
    run, draw = changed(experiment, {"data.size": 24}), random.Random(0)
    killed = 0
    for _ in range(KILLS):
        process = started(run, tmp_path)
        time.sleep(draw.uniform(0, LONGEST))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    last = started(run, tmp_path)
    assert last.wait() == 0
    completed = Counter((tmp_path / "completed").read_text().split())
    assert completed == Counter(str(number) for number in range(RUNS))
    assert all(is_done(run_folder(tmp_path, str(number))) for number in range(RUNS))
    entries = ledger.read(tmp_path / "ledger.db")
    assert Counter(entry.state for entry in entries) == Counter({State.DONE: RUNS})
    print(f"{killed} kills, {RUNS} runs, each completed once")
    assert killed > KILLS / 2
