"""Where trunks run at the same time: accelerators, or shares of the processor's cores."""

import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple


class Slot(NamedTuple):
    """Room for one trunk."""

    device: str | None
    """As CUDA_VISIBLE_DEVICES takes it; None on a machine without accelerators."""
    threads: int
    """For each of the trunk's processes."""


def slots(jobs: int | None, trunks: int, *, each: int = 1) -> list[Slot]:
    """One slot a device, or one a core; `jobs` overrides their number, devices are then shared.

    Args:
        each: Devices, or processes on cores, that one trunk trains on.
    """
    devices = [",".join(group) for group in _groups(cuda_devices(), each)]
    cores = _cores()
    count = max(1, min(jobs or len(devices) or cores // each, trunks))
    threads = max(1, cores // (count * each))
    return [Slot(devices[i % len(devices)] if devices else None, threads) for i in range(count)]


def cuda_devices() -> list[str]:
    """What CUDA_VISIBLE_DEVICES allows, else all that the driver lists; torch is not needed."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = (name.strip() for name in visible.split(","))
        return [name for name in names if name and name != "-1"]
    if shutil.which("nvidia-smi") is None:
        return []
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return listed(listing.stdout)


def listed(listing: str) -> list[str]:
    """The devices that `nvidia-smi -L` lists; where some are split (MIG), the parts.

    >>> listed("GPU 0: NVIDIA H100 (UUID: GPU-8c9e)")
    ['GPU-8c9e']
    """
    return re.findall(r"UUID: (MIG-[^)]+)", listing) or re.findall(r"UUID: (GPU-[^)]+)", listing)


def _groups(devices: list[str], each: int) -> list[list[str]]:
    """The devices in groups of `each`; what is left over stays unused."""
    return [devices[at : at + each] for at in range(0, len(devices) - each + 1, each)]


def _cores() -> int:
    """The cores that this process may use, where the system tells."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
