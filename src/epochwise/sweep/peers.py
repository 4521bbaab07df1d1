"""The other processes of a run that trains on several devices: started for it, gone with it."""

import multiprocessing
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.config import Experiment
from epochwise.sweep.worker import Job, still_alive
from epochwise.train.stop import Stop

if TYPE_CHECKING:
    from epochwise.model.ranks import Ranks

Runs = dict[str, Experiment]


@contextmanager
def together(job: Job, runs: Runs) -> Iterator["Ranks"]:
    """The place of this process among `trainer.devices` that train together, the others running.

    Raises:
        RuntimeError: One of them failed; the log says how.
    """
    from epochwise.model.ranks import ALONE, HOST, Ranks, joined

    count = job.config.devices
    if count == 1:
        yield ALONE
        return
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    # spawn: a device's context, and OpenMP's threads, do not survive a fork
    context = multiprocessing.get_context("spawn")
    ranks = [Ranks(rank, count) for rank in range(1, count)]
    others = [context.Process(target=follow, args=(job, runs, rank, port)) for rank in ranks]
    for process in others:
        process.start()
    try:
        with joined(Ranks(0, count), port):
            yield Ranks(0, count)
        for process in others:
            process.join()
    finally:
        for process in others:
            process.kill()
    failed = [process.exitcode for process in others if process.exitcode]
    if failed:
        raise RuntimeError(f"of the {count} processes of this run, {len(failed)} failed: {failed}")


def follow(job: Job, runs: Runs, ranks: "Ranks", port: int) -> None:
    """What the others do: the same training, of which only the first leaves anything."""
    import torch

    from epochwise.experiment import Manner, run_trunk
    from epochwise.model.ranks import joined
    from epochwise.train.stop import Stopped

    torch.set_num_threads(job.threads)
    manner = Manner(
        name=job.trunk.id,
        config=job.config,
        stop=Stop(job.stop),
        alive=lambda: still_alive(job.config.hang_seconds),
        ranks=ranks,
    )
    with tempfile.TemporaryDirectory(prefix="epochwise-") as nowhere, joined(ranks, port):
        try:
            run_trunk(runs, job.folder, manner=replace(manner, leave_in=Path(nowhere)))
        except Stopped:
            return
