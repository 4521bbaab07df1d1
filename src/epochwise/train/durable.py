"""States on disk that outlive their writer: published whole, verified when read, the newest kept.

Only the standard library: what must survive a fault at any file-system call should start fast
enough to be tried at every one of them.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

FORMAT = 1  # an unknown one is passed over, never guessed at
KEEP = 2  # the last may be the one that is bad
ROOM = 2  # times the bytes to be written
DIGITS = 12  # of the trajectory, in a folder's name
MANIFEST = "MANIFEST.json"
NAME = re.compile(rf"step-(\d{{8,}})-([0-9a-f]{{{DIGITS}}})")
LEFTOVER = re.compile(rf"\.(partial|removed)-{NAME.pattern}")


class State(NamedTuple):
    """What stood after `step` optimizer steps, as the contents of named files."""

    step: int
    trajectory: str
    """Hexadecimal hash of everything that led here: it decides the files."""
    files: dict[str, bytes]


class DamagedError(ValueError):
    """Says what is wrong with a state on disk."""


def save(folder: Path, state: State, *, keep: Collection[str] = ()) -> Path:
    """The state is on disk for good once this returns; what nobody needs any more is gone.

    One rename publishes it, after every byte has reached the disk. It stays beside the step
    before it, and beside the states whose trajectory is in `keep`; deeper steps go too: they are
    damaged, or of another path. One writer at a time: leftovers of killed ones are swept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    path = folder / _name(state.step, state.trajectory)
    if not path.exists() or not _is_whole(path, state.trajectory):
        _publish(path, state)
    _sync(folder)
    _sync(folder.parent)
    _rotate(folder, state.step, {trajectory[:DIGITS] for trajectory in keep})
    return path


def latest(
    folder: Path, trajectories: Mapping[int, str], *, note: Callable[[str], None]
) -> State | None:
    """The deepest whole state on the path that `trajectories` (of each step) describes.

    There is no pointer to it that could be wrong: names are listed, files verified. `note` is
    told of each state that cannot be used.
    """
    entries = [
        entry
        for entry in _published(folder)
        if entry.step in trajectories
        and entry.path.name == _name(entry.step, trajectories[entry.step])
    ]
    while entries:
        step, path = entries.pop()
        try:
            return _contents(path, trajectories[step])
        except DamagedError as problem:
            before = "the one before it is used" if entries else "there is none before it"
            note(f"checkpoint {path} cannot be used: {problem}; {before}")
    return None


class Entry(NamedTuple):
    step: int
    path: Path


def _published(folder: Path) -> list[Entry]:
    """The states in the folder by step, damaged ones too; whatever else is there is not ours."""
    return sorted(Entry(_step(path), path) for path in _folders(folder, NAME))


def _folders(folder: Path, name: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if name.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]


def _publish(path: Path, state: State) -> None:
    files = state.files | {MANIFEST: _manifest(state)}
    _check_room(path.parent, ROOM * sum(map(len, files.values())))
    partial = path.with_name(f".partial-{path.name}")
    partial.mkdir()
    for name, content in files.items():
        with (partial / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _sync(partial)
    if path.exists():  # damaged: a folder is not renamed over another that holds files
        _remove(path)
    partial.rename(path)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        problem = (
            f"too little disk space for a checkpoint: {needed} bytes needed ({ROOM} times its "
            f"size), {free} free; free some, then give the same command again"
        )
        raise OSError(errno.ENOSPC, problem, str(folder))


def _rotate(folder: Path, newest: int, kept: set[str]) -> None:
    entries = _published(folder)
    steps = sorted({entry.step for entry in entries if entry.step <= newest})[-KEEP:]
    for step, path in entries:
        if step not in steps and path.name[-DIGITS:] not in kept:
            _remove(path)


def _remove(path: Path) -> None:
    """Gone at once for readers: a state that is half deleted must not look like one."""
    hidden = path.with_name(f".removed-{path.name}")
    path.rename(hidden)
    shutil.rmtree(hidden)


def _sweep(folder: Path) -> None:
    for path in _folders(folder, LEFTOVER):
        shutil.rmtree(path)


def _sync(folder: Path) -> None:
    """Names that were made or changed in the folder reach the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(step: int, trajectory: str) -> str:
    name = f"step-{step:08d}-{trajectory[:DIGITS]}"
    assert NAME.fullmatch(name), name
    return name


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])


def _is_whole(path: Path, trajectory: str) -> bool:
    try:
        _contents(path, trajectory)
    except DamagedError:
        return False
    return True


def _contents(path: Path, trajectory: str) -> State:
    """The state in `path`, every file compared with the manifest's size and SHA-256.

    The manifest has no checksum of its own: it must be, byte by byte, what these files ask for.

    Raises:
        DamagedError: It is not what was saved, or not of `trajectory`, or of an unknown format.
    """
    try:
        manifest = (path / MANIFEST).read_bytes()
        seals = _seals(manifest)
        files = {name: _verified(path / name, seal) for name, seal in seals.items()}
    except (OSError, ValueError) as error:  # ValueError: a damaged name may be no path at all
        raise DamagedError(str(error)) from error
    state = State(_step(path), trajectory, files)
    if manifest != _manifest(state):
        raise DamagedError(f"its {MANIFEST} is not as it was written")
    return state


Seal = dict[str, int | str]


def _manifest(state: State) -> bytes:
    seals = {name: _seal(content) for name, content in state.files.items()}
    about = {"format": FORMAT, "step": state.step, "trajectory": state.trajectory, "files": seals}
    return json.dumps(about, indent=2).encode() + b"\n"


def _seal(content: bytes) -> Seal:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _seals(manifest: bytes) -> dict[str, Seal]:
    try:
        about = json.loads(manifest)
        number = about["format"]
        seals = dict(about["files"]) if number == FORMAT else {}
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"its {MANIFEST} is not as it was written ({error})") from error
    if number != FORMAT:
        raise DamagedError(f"it is in format {number}, and this version reads format {FORMAT}")
    return seals


def _verified(file: Path, seal: Seal) -> bytes:
    content = file.read_bytes()
    if _seal(content) != seal:
        raise DamagedError(f"its {file.name} ({len(content)} bytes) is not as it was written")
    return content
