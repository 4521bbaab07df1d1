import re
from pathlib import Path

import pytest

from epochwise.sweep import filesystem
from epochwise.sweep.filesystem import MOUNTS, file_system, network_file_system

LINES = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
40 27 0:40 / /home rw,relatime shared:20 master:3 - nfs4 server:/home rw,vers=4.2
41 40 0:41 / /home/me/scratch rw - xfs /dev/vdb rw
42 27 0:42 / /mnt/my\040lab rw - fuse.sshfs me@lab:/ rw
43 27 0:43 / /mnt/twice rw - ext4 /dev/vdc rw
44 43 0:44 / /mnt/twice rw - lustre mgs@tcp:/scratch rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/var/study", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/study", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/scratch/study", "xfs"),
        ("/mnt/my lab/study", "fuse.sshfs"),
        ("/mnt/twice/study", "lustre"),
    ],
)
def test_a_folder_is_on_the_nearest_mount_above_it(folder, expected):
    assert file_system(Path(folder), LINES) == expected


def test_a_link_is_where_it_leads(tmp_path):
    (tmp_path / "link").symlink_to("/home/me")
    assert file_system(tmp_path / "link" / "study", LINES) == "nfs4"


@pytest.mark.parametrize("name", ["nfs", "nfs4", "cifs", "smb3", "lustre", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_named(name, monkeypatch, tmp_path):
    mounted(monkeypatch, tmp_path, f"27 1 0:1 / / rw - {name} server rw\n")
    assert network_file_system(tmp_path) == name


@pytest.mark.parametrize("name", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "fuseblk"])
def test_a_local_file_system_is_none(name, monkeypatch, tmp_path):
    mounted(monkeypatch, tmp_path, f"27 1 0:1 / / rw - {name} /dev/vda rw\n")
    assert network_file_system(tmp_path) is None


def test_a_system_that_does_not_tell_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "mountinfo")
    assert network_file_system(tmp_path) is None


@pytest.mark.skipif(not MOUNTS.exists(), reason="needs Linux")
def test_the_real_mounts_are_understood(tmp_path):
    assert re.fullmatch(r"[a-z0-9._-]+", file_system(tmp_path, MOUNTS.read_text()))


def mounted(monkeypatch, tmp_path, lines):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(lines)
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
