"""A study's ledger: the state of each of its runs, kept through kills and power loss."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from epochwise.sweep.ledger_file import connected, in_words, rows, transaction

ENTRIES = (
    "SELECT run, trunk, state, runs.attempt, started, ended, problem"
    " FROM runs JOIN trunks USING (position) ORDER BY position, runs.rowid"
)
ADD = (
    "INSERT INTO runs (run, position) SELECT ?, position FROM trunks WHERE trunk = ?"
    " ON CONFLICT (run) DO UPDATE SET position = excluded.position"
    " WHERE state NOT IN ('running', 'done')"
)
FREE = (
    "SELECT position FROM runs AS waiting WHERE state = 'pending' AND NOT EXISTS"
    " (SELECT 1 FROM runs WHERE state = 'running' AND position = waiting.position)"
)
OF_TRUNK = "position = (SELECT position FROM trunks WHERE trunk = ?)"
CLEAR = (
    "UPDATE runs SET state = 'pending', started = NULL, ended = NULL, problem = '' WHERE run = ?"
)


class State(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Entry(NamedTuple):
    """What the ledger knows of a run. Times are seconds since 1970."""

    run: str
    trunk: str
    state: State
    attempt: int
    """The one that claimed it last; 0 when none has."""
    started: float | None
    ended: float | None
    problem: str
    """Empty unless it failed."""


class Claim(NamedTuple):
    """Runs that are the claimer's to train, for as long as no later attempt claims them."""

    trunk: str
    runs: tuple[str, ...]
    attempt: int


class Ledger:
    """Every method is one transaction: it has happened, also after a power loss, or it has not.

    Raises, in any method:
        ValueError: The file is damaged.
        OSError: The disk is full or fails, or another process has kept the ledger for a minute.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    def add(self, members: Iterable[tuple[str, str]]) -> None:
        """Pairs of run and trunk: new runs become pending, known ones move to the trunk named.

        Runs that are running or done stay in the trunk that trains or trained them.
        """
        members = list(members)
        with self._transaction() as connection:
            trunks = dict.fromkeys(trunk for _, trunk in members)
            new = "INSERT INTO trunks (trunk) VALUES (?) ON CONFLICT DO NOTHING"
            connection.executemany(new, ((trunk,) for trunk in trunks))
            connection.executemany(ADD, members)

    def claim(self, trunk: str | None = None) -> Claim | None:
        """The pending runs of the first trunk of which none is running, from now on running.

        Trunks come in the order in which they were added; with `trunk`, it is that one or none.
        The attempt is one more than any before it: whoever holds an older one can do no harm.
        """
        with self._transaction() as connection:
            of = "" if trunk is None else f" AND {OF_TRUNK}"
            query = f"{FREE}{of} ORDER BY position LIMIT 1"
            free = connection.execute(query, () if trunk is None else (trunk,)).fetchone()
            return None if free is None else _claim(connection, free[0])

    def finish(self, finished: Iterable[tuple[str, int]]) -> tuple[str, ...]:
        """Of these pairs of run and attempt, the runs that are done from now on.

        Missing are those not running under just that attempt: nothing changes for them.
        """
        query = (
            "UPDATE runs SET state = 'done', ended = ? WHERE run = ? AND attempt = ?"
            " AND state = 'running'"
        )
        now = time.time()
        with self._transaction() as connection:
            return tuple(
                run
                for run, attempt in finished
                if connection.execute(query, (now, run, attempt)).rowcount
            )

    def fail(self, trunk: str, attempt: int, *, problem: str) -> tuple[str, ...]:
        """The runs still running under this attempt of the trunk, from now on failed."""
        query = "UPDATE runs SET state = 'failed', ended = ?, problem = ? WHERE run = ?"
        now = time.time()
        with self._transaction() as connection:
            runs = _held(connection, trunk, attempt)
            connection.executemany(query, ((now, problem, run) for run in runs))
        return runs

    def release(self, trunk: str, attempt: int) -> tuple[str, ...]:
        """The runs still running under this attempt of the trunk, from now on pending.

        The attempt is spent: the next claim gets a higher one.
        """
        with self._transaction() as connection:
            runs = _held(connection, trunk, attempt)
            connection.executemany(CLEAR, ((run,) for run in runs))
        return runs

    def retry(self, runs: Iterable[str]) -> tuple[str, ...]:
        """Those of the runs that had failed, from now on pending."""
        query = f"{CLEAR} AND state = 'failed'"
        with self._transaction() as connection:
            return tuple(run for run in runs if connection.execute(query, (run,)).rowcount)

    def recover(self, done: Callable[[str], bool]) -> None:
        """Every run for which `done` holds is done; what was running or done without is pending.

        For a supervisor that starts, while it alone holds the study: nothing is running then, and
        what a run left is the truth, whatever the ledger says.
        """
        finish = "UPDATE runs SET state = 'done', problem = '' WHERE run = ?"
        with self._transaction() as connection:
            for entry in self.entries():
                if done(entry.run):
                    if entry.state != State.DONE:
                        connection.execute(finish, (entry.run,))
                elif entry.state in (State.RUNNING, State.DONE):
                    connection.execute(CLEAR, (entry.run,))

    def entries(self) -> list[Entry]:
        """All runs, trunk by trunk, in the order in which they were added."""
        with in_words(self.path):
            return [_entry(row) for row in self.connection.execute(ENTRIES)]

    def counts(self) -> dict[State, int]:
        """How many runs there are in each state, in all four."""
        query = "SELECT state, count(*) FROM runs GROUP BY state"
        with in_words(self.path):
            found = dict(self.connection.execute(query).fetchall())
        return {state: found.get(state, 0) for state in State}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with in_words(self.path), transaction(self.connection):
            yield self.connection


@contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """The ledger at `path`, made if there is none.

    Raises:
        ValueError: The file is something else, or a ledger of another version of epochwise.
    """
    with connected(path) as connection:
        yield Ledger(connection, path)


def read(path: Path) -> list[Entry]:
    """All runs, for whoever only looks: makes and changes nothing, holds no writer up.

    Raises:
        ValueError: There is no ledger, the file is something else, or of another version.
    """
    return [_entry(row) for row in rows(path, ENTRIES)]


def _claim(connection: sqlite3.Connection, position: int) -> Claim:
    waiting = "state = 'pending' AND position = ?"
    query = f"SELECT run, attempt FROM runs WHERE {waiting} ORDER BY rowid"
    runs, attempts = zip(*connection.execute(query, (position,)), strict=True)
    query = "SELECT trunk, attempt FROM trunks WHERE position = ?"
    trunk, last = connection.execute(query, (position,)).fetchone()
    # A run that came from another trunk may have seen more attempts than this one
    attempt = 1 + max(last, *attempts)
    query = f"UPDATE runs SET state = 'running', attempt = ?, started = ? WHERE {waiting}"
    connection.execute(query, (attempt, time.time(), position))
    connection.execute("UPDATE trunks SET attempt = ? WHERE position = ?", (attempt, position))
    return Claim(trunk, runs, attempt)


def _held(connection: sqlite3.Connection, trunk: str, attempt: int) -> tuple[str, ...]:
    query = f"SELECT run FROM runs WHERE state = 'running' AND attempt = ? AND {OF_TRUNK}"
    return tuple(run for (run,) in connection.execute(f"{query} ORDER BY rowid", (attempt, trunk)))


def _entry(row: tuple[str, str, str, int, float | None, float | None, str]) -> Entry:
    return Entry(row[0], row[1], State(row[2]), *row[3:])
