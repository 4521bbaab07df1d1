import stat
import tempfile
from pathlib import Path

import pytest

from epochwise.sweep import filesystem
from epochwise.sweep.ledger_place import ledger_path

LOCAL = "27 1 254:0 / / rw - ext4 /dev/vda rw\n"


@pytest.fixture
def on_network(tmp_path, monkeypatch):
    """Says of folders under tmp_path that they are on NFS; home and temporary folder are there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    def mount(*names):
        lines = [f"40 27 0:40 / {tmp_path / name} rw - nfs4 server:/x rw\n" for name in names]
        mounts = tmp_path / "mountinfo"
        mounts.write_text(LOCAL + "".join(lines))
        monkeypatch.setattr(filesystem, "MOUNTS", mounts)

    return mount


def study(tmp_path, name="grid"):
    folder = tmp_path / "shared" / name / "2026"
    folder.mkdir(parents=True)
    return folder


def test_a_ledger_lies_in_its_study(on_network, tmp_path):
    on_network("elsewhere")
    assert ledger_path(study(tmp_path)) == tmp_path / "shared" / "grid" / "2026" / "ledger.db"


def test_beside_a_network_it_lies_in_the_cache_and_is_found_again(
    on_network, tmp_path, monkeypatch
):
    on_network("shared")
    folder = study(tmp_path)
    first = ledger_path(folder)
    assert first.parent == tmp_path / "home" / "epochwise" / "ledgers"
    assert first.name.startswith("grid-")
    monkeypatch.chdir(folder.parent)
    assert ledger_path(Path("2026")) == first
    assert ledger_path(study(tmp_path, "other")) != first


def test_where_the_home_is_on_the_network_too_it_lies_in_the_temporary_folder(on_network, tmp_path):
    on_network("shared", "home")
    path = ledger_path(study(tmp_path))
    assert path.parent.parent == tmp_path / "tmp"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.chmod(0o777)  # as anybody may have made it there before
    with pytest.raises(ValueError, match="set XDG_CACHE_HOME to a folder of yours"):
        ledger_path(tmp_path / "shared" / "grid" / "2026")


def test_without_any_local_disk_there_is_no_ledger(on_network, tmp_path):
    on_network("shared", "home", "tmp")
    with pytest.raises(ValueError, match=r"is on a network file system \(nfs4\)"):
        ledger_path(study(tmp_path))
