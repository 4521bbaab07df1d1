"""Workers on a Ray cluster: an actor for each slot, which carries out one trunk after the other.

A node that is lost is no trunk's failure: its state lies on the shared file system, so the trunk
is tried again on another. A trunk that brings its own worker down has failed.
"""

import time
from dataclasses import dataclass
from typing import Any

from epochwise.sweep.cluster import Losses, Remote, cleared, unmark
from epochwise.sweep.ray_cluster import Share, name_of, nodes, room
from epochwise.sweep.supervisor import Ended
from epochwise.sweep.worker import Job
from epochwise.train.stop import Stop

PING = 10.0  # seconds for an idle worker to answer
DOUBT = 20.0  # seconds until Ray says that a node was lost whose workers are gone: 5 missed beats


class Actor:
    """The far side: one process on a node."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote

    def node(self) -> str:
        """The id of the node that this is on."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def carry_out(self, job: Job) -> str:
        return self.remote.carried_out(job, Stop(job.stop))


@dataclass
class Worker:
    """An actor as the supervisor's side sees it."""

    actor: Any
    node: Any
    """A reference to the id of its node, which comes when it has a place."""
    job: Job | None = None
    answer: Any = None
    """A reference to how the job ended."""
    model: str = ""
    """The base model it has loaded."""
    died: float | None = None
    """When that was heard."""
    killed: bool = False
    """By us."""


class OnRay:
    """The executor of a Ray cluster that is connected."""

    def __init__(self, remote: Remote, asked: Share, limit: int) -> None:
        """`limit`: trunks at a time, however much room there is."""
        self.remote = remote
        self.asked = asked
        self.limit = limit
        self.workers: list[Worker] = []
        self.losses = Losses()

    @property
    def room(self) -> int:
        return min(room(self.asked), self.limit) - len(self._busy())

    def start(self, job: Job) -> None:
        """Hand the job to a worker that waits, best to one that has its base model loaded."""
        model = next(iter(job.trunk.runs.values())).model.model_dump_json()
        worker = self._chosen(model)
        worker.job, worker.model = cleared(job), model
        worker.answer = worker.actor.carry_out.remote(self.remote.seen(job))

    def ended(self, patience: float) -> list[Ended]:
        """The jobs that are over, after waiting at most `patience` seconds for the first."""
        import ray

        fresh = [worker.answer for worker in self._busy() if worker.died is None]
        if fresh:
            ray.wait(fresh, timeout=patience)
        else:
            time.sleep(patience)
        busy = {worker.answer: worker for worker in self._busy()}
        over, _ = ray.wait(list(busy), num_returns=len(busy), timeout=0) if busy else ([], [])
        found = (self._end(busy[answer]) for answer in over)
        return [end for end in found if end is not None]

    def stop(self, job: Job) -> None:
        """Ask the job's worker to keep its state at the next step boundary, and end."""
        job.stop.touch()

    def kill(self, job: Job) -> None:
        import ray

        for worker in self._busy():
            if worker.job == job:
                worker.killed = True
                ray.kill(worker.actor)

    def close(self) -> None:
        """No worker is left; a cluster that was started here ends with this process."""
        import ray

        for worker in self.workers:
            ray.kill(worker.actor)
        self.workers.clear()
        unmark(self.remote.site)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.job is not None]

    def _chosen(self, model: str) -> Worker:
        idle = [worker for worker in self.workers if worker.job is None]
        for worker in [worker for worker in idle if not _answers(worker)]:
            self._retire(worker)
            idle.remove(worker)
        warm = next((worker for worker in idle if worker.model == model), None)
        has_room = len(self.workers) < min(room(self.asked), self.limit)
        return warm or (self._new_worker() if has_room or not idle else idle[0])

    def _new_worker(self) -> Worker:
        import ray

        shape = ray.remote(Actor).options(scheduling_strategy="SPREAD", **self.asked._asdict())
        handle: Any = shape.remote(self.remote)
        self.workers.append(Worker(handle, handle.node.remote()))
        return self.workers[-1]

    def _retire(self, worker: Worker) -> None:
        import ray

        ray.kill(worker.actor)
        self.workers.remove(worker)

    def _end(self, worker: Worker) -> Ended | None:
        """How the worker's job ended; None while it is not clear what the worker died of."""
        from ray.exceptions import RayError

        how: str | None
        try:
            how = _value(worker.answer)
        except RayError as error:
            how = self._death(worker, error)
        if how is None:
            return None
        job, worker.job = worker.job, None
        if how not in ("finished", "stopped") or worker.died is not None:
            self._retire(worker)
        assert job is not None
        return Ended(job, how)

    def _death(self, worker: Worker, error: Exception) -> str | None:
        from ray.exceptions import ActorUnavailableError, RayActorError

        assert worker.job is not None
        worker.died = worker.died or time.monotonic()
        if worker.killed:
            return "killed"
        if not isinstance(error, RayActorError) or error.actor_init_failed:
            return f"its worker could not begin: {_last_line(error)}"
        node = _node_of(worker)
        if node is None or isinstance(error, ActorUnavailableError):
            return self.losses.how(worker.job, "the node it was to run on was lost")
        if node not in [alive["NodeID"] for alive in nodes()]:
            return self.losses.how(worker.job, f"its node {name_of(node)} was lost")
        if time.monotonic() - worker.died < DOUBT:
            return None
        return (
            f"its worker on {name_of(node)} died, as when the system kills it for memory, or the"
            " process ends itself"
        )


def _value(reference: Any) -> str:
    import ray

    return str(ray.get(reference))


def _node_of(worker: Worker) -> str | None:
    """None if it died before it had said so."""
    from ray.exceptions import RayError

    try:
        return _value(worker.node)
    except RayError:
        return None


def _answers(worker: Worker) -> bool:
    """Whether an idle worker lives: its node may have been lost while it waited."""
    import ray
    from ray.exceptions import RayError

    try:
        ray.get(worker.actor.node.remote(), timeout=PING)
    except RayError:
        return False
    return True


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
