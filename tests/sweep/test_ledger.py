import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

from epochwise.sweep import ledger_file
from epochwise.sweep.ledger import Claim, Entry, State, opened, read

SOAK = "EPOCHWISE_SOAK" in os.environ
PROCESSES, RUNS = 16, 2000 if SOAK else 400
SEEDS, STEPS = 200 if SOAK else 4, 150
PENDING, RUNNING, DONE, FAILED = State


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    """Two runs on trunk s, one on trunk t."""
    with opened(path) as ledger:
        ledger.add([("s1", "s"), ("t1", "t"), ("s2", "s")])
        yield ledger


def states(ledger):
    return {entry.run: str(entry.state) for entry in ledger.entries()}


def test_runs_that_are_added_are_pending_and_listed_trunk_by_trunk(ledger):
    assert ledger.entries() == [
        Entry("s1", "s", PENDING, 0, None, None, ""),
        Entry("s2", "s", PENDING, 0, None, None, ""),
        Entry("t1", "t", PENDING, 0, None, None, ""),
    ]


def test_what_is_counted_is_all_four_states(ledger):
    ledger.claim("s")
    assert ledger.counts() == {PENDING: 1, RUNNING: 2, DONE: 0, FAILED: 0}


def test_trunks_are_claimed_whole_in_the_order_in_which_they_were_added(ledger):
    assert ledger.claim() == Claim("s", ("s1", "s2"), 1)
    assert ledger.claim() == Claim("t", ("t1",), 1)
    assert ledger.claim() is None


def test_a_trunk_that_is_named_is_claimed_or_nothing(ledger):
    assert ledger.claim("t") == Claim("t", ("t1",), 1)
    assert ledger.claim("t") is None
    assert ledger.claim("u") is None


def test_a_trunk_of_which_a_run_is_running_is_passed_over(ledger):
    ledger.claim("s")
    ledger.add([("s3", "s")])
    assert ledger.claim("s") is None
    assert ledger.claim() == Claim("t", ("t1",), 1)
    ledger.finish([("s1", 1), ("s2", 1)])
    assert ledger.claim() == Claim("s", ("s3",), 2)


def test_only_what_is_pending_is_claimed(ledger):
    ledger.claim("s")
    ledger.finish([("s1", 1)])
    ledger.release("s", 1)
    assert ledger.claim("s") == Claim("s", ("s2",), 2)


def test_a_run_has_its_times(ledger):
    before = time.time()
    ledger.claim("s")
    ledger.finish([("s1", 1)])
    ledger.fail("s", 1, problem="no memory")
    first, second, _ = ledger.entries()
    assert before <= first.started <= first.ended <= second.ended <= time.time()


def test_several_runs_finish_at_once_each_under_its_own_attempt(ledger):
    ledger.claim("s")
    ledger.release("s", 1)
    ledger.claim("s")
    ledger.claim("t")
    assert ledger.finish([("s1", 2), ("s2", 1), ("t1", 1), ("x", 1)]) == ("s1", "t1")
    assert states(ledger) == {"s1": "done", "s2": "running", "t1": "done"}


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_under_another_attempt_nothing_changes(ledger, attempt):
    ledger.claim("s")
    ledger.release("s", 1)
    ledger.claim("s")
    before = ledger.entries()
    assert ledger.finish([("s1", attempt)]) == ()
    assert ledger.fail("s", attempt, problem="late") == ()
    assert ledger.release("s", attempt) == ()
    assert ledger.entries() == before


def test_only_a_running_run_finishes(ledger):
    ledger.claim("t")
    assert ledger.finish([("t1", 1)]) == ("t1",)
    assert ledger.finish([("t1", 1)]) == ()
    ledger.claim("s")
    ledger.release("s", 1)
    assert ledger.finish([("s1", 1)]) == ()


def test_what_a_failed_trunk_finished_stays_done(ledger):
    ledger.claim("s")
    ledger.finish([("s1", 1)])
    assert ledger.fail("s", 1, problem="killed by SIGSEGV") == ("s2",)
    assert states(ledger) == {"s1": "done", "s2": "failed", "t1": "pending"}
    assert [entry.problem for entry in ledger.entries()] == ["", "killed by SIGSEGV", ""]


def test_a_failed_run_is_claimed_only_after_retry(ledger):
    ledger.claim("s")
    ledger.fail("s", 1, problem="no memory")
    assert ledger.claim("s") is None
    assert ledger.retry(["s2", "t1", "x"]) == ("s2",)
    assert ledger.entries()[1] == Entry("s2", "s", PENDING, 1, None, None, "")
    assert ledger.claim("s") == Claim("s", ("s2",), 2)


def test_a_released_run_leaves_no_trace_but_its_attempt(ledger):
    ledger.claim("s")
    assert ledger.release("s", 1) == ("s1", "s2")
    assert ledger.entries()[0] == Entry("s1", "s", PENDING, 1, None, None, "")


def test_a_known_run_keeps_its_state_and_moves(ledger):
    ledger.claim("s")
    ledger.fail("s", 1, problem="no memory")
    ledger.add([("s2", "u")])
    assert ledger.entries()[-1]._replace(ended=None, started=None) == Entry(
        "s2", "u", FAILED, 1, None, None, "no memory"
    )


def test_what_runs_or_is_done_does_not_move(ledger):
    ledger.claim("s")
    ledger.finish([("s1", 1)])
    ledger.add([("s1", "u"), ("s2", "u")])
    assert [entry.trunk for entry in ledger.entries()] == ["s", "s", "t"]
    assert ledger.fail("s", 1, problem="no memory") == ("s2",)


def test_a_run_that_moved_does_not_meet_an_old_attempt_again(ledger):
    for attempt in (1, 2, 3):
        ledger.claim("s")
        ledger.release("s", attempt)
    ledger.add([("s1", "t")])
    assert ledger.claim("t") == Claim("t", ("s1", "t1"), 4)
    assert ledger.claim("s") == Claim("s", ("s2",), 4)


def test_a_trunk_whose_runs_all_left_remembers_its_attempts(ledger):
    ledger.claim("t")
    ledger.release("t", 1)
    ledger.add([("t1", "s"), ("t2", "t")])
    assert ledger.claim("t") == Claim("t", ("t2",), 2)


def test_a_starting_supervisor_believes_what_runs_left(ledger):
    ledger.add([(f"u{i}", "u") for i in range(4)])
    ledger.claim("s")
    ledger.claim("t")
    ledger.finish([("t1", 1)])
    ledger.claim("u")
    ledger.finish([("u0", 1)])
    ledger.fail("u", 1, problem="no memory")
    ledger.recover({"s1", "t1", "u1"}.__contains__)
    assert states(ledger) == {
        "s1": "done",  # its worker outlived the supervisor
        "s2": "pending",  # was running
        "t1": "done",
        "u0": "pending",  # was done, and was deleted
        "u1": "done",  # was failed
        "u2": "failed",
        "u3": "failed",
    }
    assert {entry.attempt for entry in ledger.entries()} == {1}
    assert ledger.claim("s") == Claim("s", ("s2",), 2)


def test_a_recovery_that_breaks_off_changes_nothing(ledger):
    ledger.claim("s")
    before = ledger.entries()

    def unreadable(run):
        if run == "t1":
            raise PermissionError(run)
        return True

    with pytest.raises(PermissionError):
        ledger.recover(unreadable)
    assert ledger.entries() == before


def test_everything_is_there_when_the_ledger_is_opened_again(path, ledger):
    ledger.claim("s")
    with opened(path) as again:
        assert again.entries() == ledger.entries()
        assert again.claim() == Claim("t", ("t1",), 1)


def test_a_commit_waits_for_the_disk(ledger):
    assert ledger.connection.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
    assert ledger.connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("open_it", [opened, read])
def test_a_file_that_is_no_database_is_refused_and_kept(path, open_it):
    path.write_text("run,state\n" * 200)
    with pytest.raises(ValueError, match=r"ledger.db cannot be read as a ledger .*: move it away"):
        enter(open_it, path)
    assert path.read_text() == "run,state\n" * 200


@pytest.mark.parametrize("open_it", [opened, read])
def test_another_program_s_database_is_refused_and_kept(path, open_it):
    sqlite3.connect(path).execute("CREATE TABLE trials (id)").connection.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"ledger.db is a database, but no ledger of epochwise"):
        enter(open_it, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("open_it", [opened, read])
def test_another_format_is_refused_with_what_was_found_and_what_is_known(path, ledger, open_it):
    ledger.connection.execute("PRAGMA user_version = 7")
    with pytest.raises(ValueError, match=r"format 7, this epochwise knows format 1: go on with"):
        enter(open_it, path)


def enter(open_it, path):
    if open_it is read:
        return read(path)
    with opened(path) as ledger:
        return ledger.entries()


def test_a_damaged_ledger_is_named(path, ledger):
    ledger.add((f"run-{i}", "s") for i in range(500))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"ledger.db cannot be read as a ledger .*malformed"):
        read(path)


def test_a_full_disk_is_told_and_nothing_has_changed(path, ledger):
    before = ledger.entries()
    pages = ledger.connection.execute("PRAGMA page_count").fetchone()[0]
    ledger.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OSError, match="the disk is full, nothing was changed") as problem:
        ledger.add((f"run-{i}", "s") for i in range(500))
    assert (problem.value.errno, problem.value.filename) == (errno.ENOSPC, str(path))
    assert ledger.entries() == before

    ledger.connection.execute(f"PRAGMA max_page_count = {1 << 30}")
    ledger.add((f"run-{i}", "s") for i in range(500))
    assert sum(ledger.counts().values()) == 503


def test_a_ledger_that_another_process_keeps_locked_is_told(path, ledger, monkeypatch):
    monkeypatch.setattr(ledger_file, "PATIENCE", 0.01)
    ledger.connection.execute("BEGIN IMMEDIATE")
    with (
        opened(path) as other,
        pytest.raises(TimeoutError, match="keeps it locked: is one stopped"),
    ):
        other.claim()


def test_two_that_begin_at_once_make_one_ledger(path, monkeypatch):
    begin = ledger_file.transaction

    def begin_late(connection):
        monkeypatch.setattr(ledger_file, "transaction", begin)
        with opened(path) as faster:
            faster.add([("r", "t")])
        return begin(connection)

    monkeypatch.setattr(ledger_file, "transaction", begin_late)
    with opened(path) as ledger:
        assert states(ledger) == {"r": "pending"}


def test_whoever_reads_sees_the_last_commit_while_another_is_being_made(path, ledger):
    before = ledger.entries()
    ledger.connection.execute("BEGIN IMMEDIATE")
    ledger.connection.execute("UPDATE runs SET state = 'failed'")
    assert read(path) == before
    ledger.connection.execute("COMMIT")
    assert {entry.state for entry in read(path)} == {FAILED}


def test_whoever_reads_makes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"there is no ledger .*ledger.db"):
        read(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ledger.db").touch()  # as a command leaves it that was killed while it began
    assert read(tmp_path / "ledger.db") == []
    assert (tmp_path / "ledger.db").stat().st_size == 0


@pytest.mark.parametrize("name", ["a b?mode=rwc#", "100%41"])
def test_a_folder_may_be_called_anything(tmp_path, name):
    (tmp_path / name).mkdir()
    with opened(tmp_path / name / "ledger.db") as ledger:
        ledger.add([("r", "t")])
        assert read(tmp_path / name / "ledger.db") == ledger.entries()


DIES_WHILE_IT_WRITES = """
    import os, signal, sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE runs SET state = 'failed', problem = hex(zeroblob(400))")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def torn(path):
    """A ledger whose writer was killed in the middle, and what was committed before."""
    with opened(path) as ledger:
        ledger.add((f"run-{i:03}", "t") for i in range(200))
        committed = ledger.entries()
    whole = path.read_bytes()
    killed = python(DIES_WHILE_IT_WRITES, path)
    assert killed.wait() == -signal.SIGKILL
    assert path.read_bytes() != whole
    return committed


def test_whoever_reads_sees_past_the_commit_of_a_killed_writer_and_leaves_it(path, torn):
    files = {file: file.read_bytes() for file in path.parent.iterdir()}
    assert sorted(file.name for file in files) == ["ledger.db", "ledger.db-journal"]
    assert read(path) == torn
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == files


def test_the_next_writer_takes_the_commit_of_a_killed_one_back(path, torn):
    with opened(path) as ledger:
        assert ledger.entries() == torn
        assert len(ledger.claim().runs) == 200


def test_a_reader_that_loses_the_race_against_the_next_writer_reads_again(path, torn, monkeypatch):
    copy = shutil.copyfile

    def copied_late(source, target):
        monkeypatch.setattr(shutil, "copyfile", copy)
        with opened(path) as ledger:
            ledger.claim()
        return copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copied_late)
    assert {entry.state for entry in read(path)} == {RUNNING}


CLAIMS = """
    import json, sys, time
    from pathlib import Path
    from epochwise.sweep.ledger import opened

    def wait():
        print("ready", flush=True)
        sys.stdin.readline()

    wait()
    with opened(Path(sys.argv[1])) as ledger:
        ledger.add((f"run-{i}", f"trunk-{i}") for i in range(int(sys.argv[2])))
        mine = [*ledger.claim().runs]
        wait()
        while claim := ledger.claim():
            mine += claim.runs
            time.sleep(0.001)  # else few of the processes get the lock: SQLite does not queue
        assert ledger.finish((run, 1) for run in mine) == tuple(mine)
    print(json.dumps([mine, "torch" in sys.modules]))
"""


def test_processes_that_start_at_once_share_the_runs_without_meeting(path):
    workers = [python(CLAIMS, path, RUNS) for _ in range(PROCESSES)]
    go_on_together(workers)  # the ledger is made by whoever comes first
    go_on_together(workers)  # each has a run
    told = [json.loads(worker.communicate()[0]) for worker in workers]
    claimed = [run for runs, _ in told for run in runs]
    assert sorted(claimed) == sorted(f"run-{i}" for i in range(RUNS))
    assert not any(torch for _, torch in told)
    assert [(e.state, e.attempt) for e in read(path)] == [(DONE, 1)] * RUNS


def go_on_together(workers):
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()


STOPS = """
    import os, signal, sys
    from pathlib import Path
    from epochwise.sweep.ledger import opened

    with opened(Path(sys.argv[1])) as ledger:
        claim = ledger.claim("s")
        os.kill(os.getpid(), signal.SIGSTOP)
        done = ledger.finish((run, claim.attempt) for run in claim.runs)
        failed = ledger.fail(claim.trunk, claim.attempt, problem="late")
        print(claim.attempt, done, failed)
"""


def test_a_worker_that_wakes_up_too_late_changes_nothing(path, ledger):
    zombie = python(STOPS, path)
    _, status = os.waitpid(zombie.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    ledger.recover(lambda run: False)
    assert ledger.claim("s") == Claim("s", ("s1", "s2"), 2)
    ledger.finish([("s1", 2)])
    before = ledger.entries()
    zombie.send_signal(signal.SIGCONT)
    assert zombie.communicate()[0] == "1 () ()\n"
    assert ledger.entries() == before


def python(script, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


class Model:
    """What a ledger should say: run -> [trunk, state, attempt], trunk -> its last attempt."""

    def __init__(self):
        self.runs = {}
        self.trunks = {}

    def add(self, members):
        for run, trunk in members:
            self.trunks.setdefault(trunk, 0)
            known = self.runs.setdefault(run, [trunk, "pending", 0])
            if known[1] in ("pending", "failed"):
                known[0] = trunk

    def claim(self, trunk):
        for name in self.trunks if trunk is None else [trunk]:
            of = {run: known for run, known in self.runs.items() if known[0] == name}
            mine = [run for run, known in of.items() if known[1] == "pending"]
            if mine and "running" not in [known[1] for known in of.values()]:
                attempt = 1 + max(self.trunks[name], *(of[run][2] for run in mine))
                self.trunks[name] = attempt
                self.runs |= {run: [name, "running", attempt] for run in mine}
                return Claim(name, tuple(mine), attempt)
        return None

    def finish(self, finished):
        return self._set("done", [run for run, a in finished if self._holds(run, a)])

    def leave(self, trunk, attempt, state):
        held = [run for run in self.runs if self._holds(run, attempt)]
        return self._set(state, [run for run in held if self.runs[run][0] == trunk])

    def retry(self, runs):
        return self._set(
            "pending", [r for r in runs if r in self.runs and self.runs[r][1] == "failed"]
        )

    def recover(self, done):
        for run, known in self.runs.items():
            if run in done:
                known[1] = "done"
            elif known[1] in ("running", "done"):
                known[1] = "pending"

    def _holds(self, run, attempt):
        return run in self.runs and self.runs[run][1:] == ["running", attempt]

    def _set(self, state, runs):
        for run in runs:
            self.runs[run][1] = state
        return tuple(runs)


def step(draw, ledger, model):
    """One random operation on both; what they answered."""
    run, trunk = f"r{draw.randrange(12)}", f"t{draw.randrange(4)}"
    last = model.trunks.get(trunk, 0)
    attempt = draw.choice([last, last, last, max(last - 1, 0), last + 1])
    some = [f"r{i}" for i in draw.sample(range(12), draw.randrange(1, 5))]
    match draw.choice(["add", "claim", "claim", "finish", "fail", "release", "retry", "recover"]):
        case "add":
            members = [(run, f"t{draw.randrange(4)}") for run in some]
            return ledger.add(members), model.add(members)
        case "claim":
            named = draw.choice([None, trunk])
            return ledger.claim(named), model.claim(named)
        case "finish":
            attempts = {known[2] for known in model.runs.values()} | {attempt}
            pairs = [(run, draw.choice(sorted(attempts))) for run in some]
            return ledger.finish(pairs), model.finish(pairs)
        case "fail":
            failed = ledger.fail(trunk, attempt, problem=f"{run} broke")
            return failed, model.leave(trunk, attempt, "failed")
        case "release":
            return ledger.release(trunk, attempt), model.leave(trunk, attempt, "pending")
        case "retry":
            return ledger.retry(some), model.retry(some)
        case _:
            return ledger.recover(some.__contains__), model.recover(some)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_ledger_and_a_dictionary_agree_whatever_is_done_to_them(path, seed):
    draw, model = random.Random(seed), Model()
    attempts = {}
    for _ in range(3):
        with opened(path) as ledger:
            for _ in range(STEPS // 3):
                answer, expected = step(draw, ledger, model)
                assert answer == expected
                entries = ledger.entries()
                assert {e.run: [e.trunk, e.state, e.attempt] for e in entries} == model.runs
                assert all(e.attempt >= attempts.get(e.run, 0) for e in entries)
                assert all(bool(e.problem) == (e.state == FAILED) for e in entries)
                attempts = {e.run: e.attempt for e in entries}
        assert read(path) == entries
    assert max(attempts.values()) > 2
