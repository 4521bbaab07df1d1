"""What kind of file system a folder is on."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")  # its format: proc_pid_mountinfo(5)
NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"),
    *("beegfs", "panfs", "wekafs", "pvfs2", "orangefs", "gfs2", "ocfs2", "9p"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.juicefs", "fuse.weka", "fuse.beegfs"),
    *("fuse.s3fs", "fuse.gcsfuse", "fuse.goofys", "fuse.mount-s3", "fuse.blobfuse2", "fuse.rclone"),
}


def network_file_system(folder: Path) -> str | None:
    """The type's name if other machines may write to the folder's file system, as nfs4.

    None on a local one, and where the system does not tell. A database does not belong on a
    network file system: its locks may not hold there.
    """
    if not MOUNTS.exists():
        return None
    name = file_system(folder, MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    return name if name in NETWORK else None


def file_system(folder: Path, mounts: str) -> str:
    """The type of the mount that the folder is under; of those in one place the last is seen.

    >>> file_system(Path("/home/me"), "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw")
    'ext4'
    """
    depth, name = 0, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")  # a varying number of fields comes before it
        point = Path(_unescaped(before.split(" ")[4]))
        if folder.resolve().is_relative_to(point) and len(point.parts) >= depth:
            depth, name = len(point.parts), after.split(" ")[0]
    return name


def _unescaped(path: str) -> str:
    r"""The path with blanks and the like, which mountinfo writes as \040."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), path)
