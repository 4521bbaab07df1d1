"""The file that a ledger is kept in: made, opened, looked at; what SQLite says of it, in words."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FORMAT = 1
APPLICATION = 0x65706F63  # "epoc" in the file's header: another program's database is no ledger
PATIENCE = 60.0  # seconds for which a writer waits while others write
GLANCE = 5.0  # seconds for which a reader waits: a commit takes milliseconds

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE trunks (position INTEGER PRIMARY KEY, trunk TEXT NOT NULL UNIQUE,"
    " attempt INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE runs (run TEXT PRIMARY KEY, position INTEGER NOT NULL REFERENCES trunks,"
    " state TEXT NOT NULL DEFAULT 'pending'"
    " CHECK (state IN ('pending', 'running', 'done', 'failed')),"
    " attempt INTEGER NOT NULL DEFAULT 0, started REAL, ended REAL,"
    " problem TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX runs_by_state ON runs (state, position)",
)
REMEDY = "move it away and give the same command again; runs that are done are kept"


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose commits survive a power loss; the file is made if there is none.

    Raises:
        ValueError: The file is something else, or a ledger of another version of epochwise.
    """
    with in_words(path):
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    with closing(connection):
        with in_words(path):
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")  # the journal's removal is synced too
            if _is_empty(connection):
                _make(connection)
            _check(connection, path)
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """What is done within happens as a whole, after waiting for other writers, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def rows(path: Path, query: str) -> list[Any]:
    """The query's rows, for whoever only looks: makes and changes nothing, holds no writer up.

    Raises:
        ValueError: There is no ledger, the file is something else, or of another version.
    """
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}: no sweep has been started in this folder")
    with in_words(path):
        try:
            return _seen(path, query)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
        return _restored(path, query)


def _seen(path: Path, query: str) -> list[Any]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=GLANCE, isolation_level=None)) as view:
        view.execute("BEGIN")
        if _is_empty(view):  # being made, or its maker was killed
            return []
        _check(view, path)
        return view.execute(query).fetchall()


def _restored(path: Path, query: str) -> list[Any]:
    """The rows from a copy, in which the commit that a killed writer left is taken back.

    Nobody begins a new commit before the old one's journal is gone, so a journal that stays the
    same mends whatever was copied meanwhile, even while another process is restoring the original.
    """
    journal = path.with_name(f"{path.name}-journal")
    with TemporaryDirectory() as folder, suppress(FileNotFoundError):
        copy = Path(folder) / path.name
        before = journal.read_bytes()
        shutil.copyfile(path, copy)
        copy.with_name(journal.name).write_bytes(before)
        if journal.read_bytes() == before:
            with connected(copy) as connection:
                return connection.execute(query).fetchall()
    return rows(path, query)  # another process has restored it


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """What SQLite says of the file or the disk, as an error for people."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):  # ours to mend
        raise
    except sqlite3.DatabaseError as error:
        match error.sqlite_errorcode & 0xFF:  # the rest says where in SQLite
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
                problem = f"{path} cannot be read as a ledger ({error}): {REMEDY}"
                raise ValueError(problem) from error
            case sqlite3.SQLITE_BUSY:
                problem = "another process keeps it locked: is one stopped?"
                raise TimeoutError(errno.ETIMEDOUT, problem, str(path)) from error
            case sqlite3.SQLITE_FULL:
                problem = "the disk is full, nothing was changed: free some space"
                raise OSError(errno.ENOSPC, problem, str(path)) from error
            case _:
                raise OSError(errno.EIO, str(error), str(path)) from error


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _make(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        if _is_empty(connection):  # still: another process may have been faster
            for statement in SCHEMA:
                connection.execute(statement)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise ValueError(f"{path} is a database, but no ledger of epochwise: {REMEDY}")
    if version != FORMAT:
        raise ValueError(
            f"{path} has ledger format {version}, this epochwise knows format {FORMAT}: go on with "
            "the epochwise that made it, or start the study anew with --fresh"
        )
