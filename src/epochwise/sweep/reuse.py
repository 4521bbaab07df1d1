"""Runs that another study has done already: found by id, checked, and taken into this one."""

import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from epochwise.record import is_done, read_json, run_folder


def done_elsewhere(folder: Path, wanted: Collection[str], *, apart_from: Path) -> dict[str, Path]:
    """Run id -> its folder in another study under `folder`, for those of `wanted` that are done."""
    found: dict[str, Path] = {}
    for runs in sorted(folder.glob("*/*/runs")):
        if runs.parent != apart_from:
            found |= {run: runs / run for run in _names(runs) & set(wanted) if is_done(runs / run)}
    return found


def taken_over(runs: dict[str, Path], study_folder: Path) -> dict[str, Path]:
    """Those of the runs that are whole; each is now a run of this study as well.

    Files are linked, which takes no room; where the file system cannot, they are copied.
    """
    taken = {}
    for run, there in runs.items():
        target = run_folder(study_folder, run)
        if not is_whole(there):
            continue
        shutil.rmtree(target, ignore_errors=True)  # what an attempt left that did not finish
        partial = target.with_name(f".{run}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(there, partial, copy_function=_link)
        partial.rename(target)
        taken[run] = there
    return taken


def is_whole(folder: Path) -> bool:
    """Whether every file is as it was when DONE was written."""
    manifest = read_json(folder / "DONE")
    return all(_sha256(folder / name) == digest for name, digest in manifest.items())


def _names(runs: Path) -> set[str]:
    with os.scandir(runs) as entries:
        return {entry.name for entry in entries}


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


def _sha256(file: Path) -> str | None:
    if not file.is_file():
        return None
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
