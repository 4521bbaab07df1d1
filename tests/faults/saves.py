"""States whose files follow from their step, and scripts that save them, for `syscalls`."""

import os
from pathlib import Path

from epochwise.train import durable

TRAJECTORIES = {step: f"{step:02x}" * 32 for step in range(1, 8)}


def state(step: int) -> durable.State:
    files = {"tensors": b"%d" % step * 5000, "counters": b'{"step": %d}' % step}
    return durable.State(step, TRAJECTORIES[step], files)


def save(folder: Path, step: int) -> None:
    durable.save(folder, state(step), keep=[TRAJECTORIES[1]])
    print(f"saved {step}", flush=True)


def first(folder: Path) -> None:
    """The folder is made, and the last save removes the second."""
    os.access("/epochwise-begin", 0)
    for step in 1, 2, 3, 4:
        save(folder, step)
    os.access("/epochwise-end", 0)


def after_a_kill(folder: Path) -> None:
    """The newest is damaged and a leftover is there; then a step is saved twice."""
    for step in 1, 3, 4:
        save(folder, step)
    name = f"step-00000004-{TRAJECTORIES[4][:12]}"
    (folder / name / "tensors").write_bytes(b"damage")
    (folder / f".partial-{name}").mkdir()
    (folder / f".partial-{name}" / "tensors").write_bytes(b"half")
    print("saved 3", flush=True)
    os.access("/epochwise-begin", 0)
    for step in 4, 4, 5:
        save(folder, step)
    os.access("/epochwise-end", 0)
