"""Where a study's ledger lies: a database needs a disk of its own machine."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from epochwise.cache import cache_folder
from epochwise.sweep.filesystem import network_file_system

DIGITS = 16  # of the hash of a study's path: no two studies of a user are taken for one


def ledger_path(study_folder: Path) -> Path:
    """The study's ledger.

    It lies in the study's folder. Where that is on a network file system, whose locks a database
    cannot trust, it lies on this machine: under the cache, or under the temporary folder where the
    cache is on the network, too. It may be lost: what is done is read from the runs' folders.

    Raises:
        ValueError: None of these is on a local disk.
    """
    if network_file_system(study_folder) is None:
        return study_folder / "ledger.db"
    study = study_folder.resolve()
    digest = hashlib.sha256(str(study).encode()).hexdigest()[:DIGITS]
    return _local_folder(study) / f"{study.parent.name}-{digest}.db"


def _local_folder(study_folder: Path) -> Path:
    own = Path(tempfile.gettempdir()) / f"epochwise-{os.getuid()}"
    for folder in (cache_folder() / "ledgers", own):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if network_file_system(folder) is None and _is_ours(folder):
            return folder
    raise ValueError(
        f"{study_folder}: is on a network file system ({network_file_system(study_folder)}), where"
        " its ledger cannot be kept; set XDG_CACHE_HOME to a folder of yours on a local disk"
    )


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can put files there: the temporary folder is everybody's."""
    state = folder.stat()
    return state.st_uid == os.getuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
