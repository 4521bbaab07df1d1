"""The most memory that a trunk has held at once."""

import resource
import sys
from pathlib import Path

import torch

STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # what proc(5) wants written to clear_refs


def forget_peak() -> None:
    """Count from now on: trunks that one worker trains have each a peak of its own."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif REFERENCES.exists():
        REFERENCES.write_text(RESET_PEAK)


def peak_memory() -> float:
    """GiB since the last reset: of the accelerator where there is one, else of this process.

    Where the system keeps no such count (macOS), that of the process's whole life.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    if not STATUS.exists():
        unit = 1 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20
