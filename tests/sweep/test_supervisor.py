import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import works
from settings import changed

from epochwise.record import is_done, run_folder
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot
from epochwise.sweep.supervisor import fork_server, supervise
from epochwise.sweep.worker import write_to

LIGHT = ("epochwise.record",)


class Listener:
    """Keeps what it is told; `interrupt` is the size of the trunk at whose tick it raises."""

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
        return Trunk(str(size), runs)

    return of


def carried_out(trunks, folder, listener, slots=1):
    return supervise(
        trunks,
        works.by_size,
        folder=folder,
        slots=[Slot(None, 1)] * slots,
        context=fork_server(LIGHT),
        audience=listener,
    )


def gone(pid):
    """A killed process may stay for a moment, as a zombie of the fork server's."""
    for _ in range(200):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def all_ways(trunk, tmp_path):
    """A study with every way to end, two at a time; the trunk that finishes comes last."""
    ways = [trunk(12), trunk(13, 1, 2), trunk(14), trunk(15), trunk(11, 1, 2)]
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
    assert outcomes["12"].problem.startswith("exit status 1")
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

    assert sorted(event[1] for event in told if event[0] == "ended") == sorted(outcomes)
    assert ("ticked", "11", 1) in told


def test_a_worker_gets_its_slot_and_each_slot_has_one_worker_at_a_time(trunk, tmp_path):
    trunks = [trunk(11)._replace(id=str(n)) for n in range(3)]
    listener = Listener()
    supervise(
        trunks,
        works.by_size,
        folder=tmp_path,
        slots=[Slot("GPU-a", 3)],
        context=fork_server(LIGHT),
        audience=listener,
    )
    assert (tmp_path / "log" / "0.log").read_text() == "device GPU-a\nthreads 3\n"
    order = [event for event in listener.told if event[0] in ("started", "ended")]
    assert order == [(what, str(n)) for n in range(3) for what in ("started", "ended")]


def test_an_interrupt_kills_workers_with_their_children_and_keeps_what_is_done(trunk, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        carried_out([trunk(11), trunk(16)], tmp_path, Listener(interrupt="16"))
    assert is_done(run_folder(tmp_path, "11e1"))
    assert all(gone(pid) for pid in (tmp_path / "pids").read_text().split())


def test_a_worker_whose_supervisor_was_killed_stops(tmp_path):
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
from test_supervisor import *
from epochwise.sweep.plan import Trunk
from types import SimpleNamespace as Some
run = Some(data=Some(size=17))
carried_out([Trunk("17", {{"17e1": run}})], Path({str(tmp_path)!r}), Listener())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script])
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        assert supervisor.poll() is None
        time.sleep(0.05)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    assert gone(pid.read_text())


def test_two_workers_never_write_the_same_log(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from epochwise.sweep.worker import write_to; "
    )
    script += "write_to(Path(sys.argv[1])); print('mine', flush=True); time.sleep(60)"
    log = tmp_path / "t.log"
    holder = subprocess.Popen([sys.executable, "-c", script, str(log)], env=os.environ)
    while not (log.exists() and log.read_text()):
        assert holder.poll() is None
        time.sleep(0.05)
    with pytest.raises(ValueError, match="in use"):
        write_to(log)
    holder.kill()
    holder.wait()
    assert log.read_text() == "mine\n"
