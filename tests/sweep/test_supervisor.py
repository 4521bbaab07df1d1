import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import works
from settings import changed

from epochwise.config import ONE_DEVICE
from epochwise.record import is_done, run_folder
from epochwise.sweep import ledger, supervisor
from epochwise.sweep.ledger import State
from epochwise.sweep.local import Local, fork_server
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.sweep.supervisor import Policy, Supervisor
from epochwise.sweep.worker import Job, held

LIGHT = ("epochwise.record",)
PATIENT, PLAIN = Policy(), Slot(None, 1)


class Listener:
    """Keeps what it is told; `interrupt` is the id of the trunk at whose tick it raises."""

    def __init__(self, interrupt=None):
        self.told = []
        self.interrupt = interrupt

    def started(self, trunk):
        self.told.append(("started", trunk.id))

    def ticked(self, trunk, tick):
        self.told.append(("ticked", trunk.id, tick.step))
        if trunk.id == self.interrupt:
            raise KeyboardInterrupt

    def finished(self, record):
        self.told.append(("finished", record.id))

    def ended(self, outcome):
        self.told.append(("ended", outcome.trunk.id))


@pytest.fixture
def trunk(experiment):
    def of(size, *epochs):
        runs = {
            f"{size}e{n}": changed(experiment, {"data.size": size, "train.epochs": n})
            for n in epochs or (1,)
        }
        return Trunk(str(size), runs, 4, 8)

    return of


def carried_out(trunks, folder, listener, slots=1, policy=PATIENT, slot=PLAIN):
    with ledger.opened(folder / "ledger.db") as book:
        book.recover(lambda run: is_done(run_folder(folder, run)))
        book.add((run, trunk.id) for trunk in trunks for run in trunk.runs)
        book.recover(lambda run: is_done(run_folder(folder, run)))
        book.retry(run for trunk in trunks for run in trunk.runs)
        executor = Local(fork_server(LIGHT), works.by_size, [slot] * slots)
        return Supervisor(book, executor, listener, policy).supervise(trunks, folder, ONE_DEVICE)


def states(folder):
    return {entry.run: entry.state for entry in ledger.read(folder / "ledger.db")}


def gone(pid):
    """A killed process may stay for a moment, as a zombie of the fork server's."""
    for _ in range(200):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def all_ways(trunk, tmp_path, monkeypatch):
    """A study with every way to end, two at a time; the trunk that finishes comes last."""
    monkeypatch.setattr(supervisor, "FLOOD", 2**22)
    ways = [trunk(12), trunk(13, 1, 2), trunk(14), trunk(15), trunk(18), trunk(19), trunk(20)]
    ways += [trunk(21), trunk(11, 1, 2)]
    listener = Listener()
    outcomes = carried_out(ways, tmp_path, listener, slots=2)
    return {outcome.trunk.id: outcome for outcome in outcomes}, listener.told, tmp_path


def test_no_death_harms_another_trunk_and_each_is_told_as_it_was(all_ways):
    outcomes, told, folder = all_ways
    assert outcomes["11"].undone == ()
    assert outcomes["11"].problem == ""
    assert all(is_done(run_folder(folder, run)) for run in ("11e1", "11e2", "13e1"))
    assert ("finished", "11e2") in told

    assert outcomes["12"].undone == ("12e1",)
    assert outcomes["12"].problem.startswith("it failed")
    assert "written below Python\n" in (folder / "log" / "12.log").read_text()
    assert outcomes["12"].problem.endswith("RuntimeError: the device is on fire")
    assert str(folder / "log" / "12.log") in outcomes["12"].problem

    assert outcomes["13"].undone == ("13e2",), "the first exit was done before the worker died"
    assert outcomes["13"].problem.startswith("killed by SIGKILL")
    assert outcomes["13"].problem.endswith("    last words")
    assert ("finished", "13e1") in told

    assert outcomes["14"].problem == "data.size=14: there are only 9 rows"
    assert outcomes["15"].undone == ("15e1",), "exit status 0 does not make a run done"
    assert outcomes["15"].problem.startswith("exit status 0")
    assert outcomes["18"].problem.startswith("exit status 7")
    assert "MemoryError" in (folder / "log" / "19.log").read_text()
    assert outcomes["19"].problem == "memory ran out"
    assert "works.py" in outcomes["20"].problem, "the stacks of what hung"
    assert "in hang" in outcomes["20"].problem
    assert outcomes["21"].problem == "wrote more than 4 MiB to its log"

    assert sorted(event[1] for event in told if event[0] == "ended") == sorted(outcomes)
    assert ("ticked", "11", 1) in told or ("ticked", "11", 2) in told


def test_the_ledger_says_what_became_of_each_run(all_ways):
    _, _, folder = all_ways
    entries = {entry.run: entry for entry in ledger.read(folder / "ledger.db")}
    done = {run for run, entry in entries.items() if entry.state == State.DONE}
    assert done == {"11e1", "11e2", "13e1"}
    assert {entry.state for run, entry in entries.items() if run not in done} == {State.FAILED}
    assert entries["14e1"].problem == "data.size=14: there are only 9 rows"
    assert all(entry.attempt == 1 for entry in entries.values())


def test_a_worker_gets_its_slot_and_carries_out_one_trunk_after_the_other(trunk, tmp_path):
    trunks = [trunk(11, n)._replace(id=str(n)) for n in range(1, 4)]
    listener = Listener()
    carried_out(trunks, tmp_path, listener, slot=Slot("GPU-a", 3))
    assert (tmp_path / "log" / "1.log").read_text() == "attempt 1\ndevice GPU-a\nthreads 3\n"
    order = [event for event in listener.told if event[0] in ("started", "ended")]
    assert order == [(what, str(n)) for n in range(1, 4) for what in ("started", "ended")]


def test_a_trunk_that_failed_is_tried_again_as_often_as_asked(trunk, tmp_path):
    again = trunk(22)
    outcomes = carried_out([again, trunk(12)], tmp_path, Listener(), policy=Policy(retries=2))
    assert [outcome.trunk.id for outcome in outcomes] == ["22", "12", "22", "12", "12"]
    entries = {entry.run: entry for entry in ledger.read(tmp_path / "ledger.db")}
    assert (entries["22e1"].state, entries["22e1"].attempt) == (State.DONE, 2)
    assert (entries["12e1"].state, entries["12e1"].attempt) == (State.FAILED, 3)


def test_after_a_failure_nothing_more_starts_where_that_is_asked(trunk, tmp_path):
    trunks = [trunk(12), trunk(11)]
    carried_out(trunks, tmp_path, Listener(), policy=Policy(on_failure="stop"))
    assert states(tmp_path) == {"12e1": State.FAILED, "11e1": State.PENDING}


def test_a_trunk_that_takes_too_long_is_stopped_and_told(trunk, tmp_path):
    (outcome,) = carried_out([trunk(17)], tmp_path, Listener(), policy=Policy(timeout=0.2))
    assert outcome.problem == "took longer than hydra.launcher.timeout=0.2 s"
    assert states(tmp_path) == {"17e1": State.FAILED}


def test_a_worker_that_does_not_obey_is_killed(trunk, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    (outcome,) = carried_out([trunk(23)], tmp_path, Listener(), policy=Policy(timeout=3.0))
    assert outcome.problem.startswith("took longer")
    assert gone((tmp_path / "pid").read_text())


def test_an_interrupt_lets_workers_keep_their_state_and_leaves_none_behind(trunk, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        carried_out([trunk(11), trunk(16)], tmp_path, Listener(interrupt="16"))
    assert is_done(run_folder(tmp_path, "11e1"))
    assert (tmp_path / "kept").exists()
    assert all(gone(pid) for pid in (tmp_path / "pids").read_text().split())
    assert states(tmp_path) == {"11e1": State.DONE, "16e1": State.PENDING}


SUPERVISOR = """
import sys
sys.path[:0] = {path!r}
from test_supervisor import *
from types import SimpleNamespace as Some
from epochwise.config import Experiment
run = Experiment.model_validate_json({run!r})
trunks = [Trunk(f"t{{n}}", {{f"{{n}}": run}}, 1, 1) for n in range({count})]
carried_out(trunks, Path({folder!r}), Listener(), slots=2)
"""


def started(run, folder, count):
    script = SUPERVISOR.format(
        path=sys.path, run=run.model_dump_json(), folder=str(folder), count=count
    )
    return subprocess.Popen([sys.executable, "-c", script])


def test_a_worker_whose_supervisor_was_killed_stops(experiment, tmp_path):
    process = started(changed(experiment, {"data.size": 17}), tmp_path, 1)
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(pid.read_text())


def test_two_workers_never_work_on_the_same_trunk(tmp_path, monkeypatch):
    script = "import sys, time; from pathlib import Path; from epochwise.sweep.worker import held\n"
    script += "with held(Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"
    lock = tmp_path / "t" / "lock"
    command = [sys.executable, "-c", script, str(lock)]
    holder = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "mine\n"
    monkeypatch.setattr("epochwise.sweep.worker.PATIENCE", 0.3)
    with pytest.raises(ValueError, match="in use"), held(lock):
        pass
    holder.kill()
    holder.wait()
    with held(lock):
        assert lock.exists()


def test_a_replaced_attempt_may_publish_nothing(trunk, tmp_path):
    from epochwise.record import write_json
    from epochwise.sweep.worker import ReplacedError, check_token

    job = Job(trunk(11), tmp_path, 1, ONE_DEVICE)
    job.home.mkdir(parents=True)
    write_json(job.token, 1)
    check_token(job)
    write_json(job.token, 2)
    with pytest.raises(ReplacedError, match="attempt 1 was replaced by attempt 2"):
        check_token(job)
