"""Works for nodes of a cluster: they leave word of where they were."""

import os
import sys
import time
from collections.abc import Callable

import works

from epochwise.config import Experiment
from epochwise.record import Tick
from epochwise.sweep.worker import Job, train_trunk
from epochwise.train.stop import Stop

Runs = dict[str, Experiment]
On = Callable[[Tick], None]


def train_and_tell(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    """Real training; each attempt leaves its process and, on Ray, its node."""
    for name, place in (("process", os.getpid()), ("node", _node())):
        with (job.folder / f"{name}-{job.trunk.id}").open("a") as file:
            file.write(f"{place}\n")
    train_trunk(job, left, on_step, stop)


def train_slowly(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    """The same, with time between two steps to be interrupted in."""

    def take_time(tick: Tick) -> None:
        on_step(tick)
        time.sleep(0.05)

    train_and_tell(job, left, take_time, stop)


def finish_when_tried_again(job: Job, left: Runs, on_step: On, stop: Stop) -> None:
    """The first attempt lasts until it is stopped."""
    ways = {1: works.tick_until_stopped, 2: works.finish}
    ways[job.attempt](job, left, on_step, stop)


def _node() -> str:
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray else "this"
