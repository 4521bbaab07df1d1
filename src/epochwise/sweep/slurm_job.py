"""What a Slurm job does: one attempt at a trunk, kept and queued again when its time is up.

Ahead of its time limit, or when it is preempted, a job gets SIGUSR2. submitit's handler would
queue it again at once, in the middle of a step; so it is called later, when the state is kept.
"""

import signal
from types import FrameType
from typing import Any

from epochwise.record import write_json
from epochwise.sweep.cluster import Remote, end_file, is_replaced
from epochwise.sweep.worker import Job
from epochwise.train.stop import Stop


class Attempt:
    """What submitit calls on the node."""

    def __init__(self, remote: Remote, job: Job, limits: str) -> None:
        """`limits`: told when the job has come to its time limit too often."""
        self.remote = remote
        self.job = job
        self.limits = limits
        self.ahead = False

    def __call__(self) -> None:
        if end_file(self.job).exists() or is_replaced(self.job):
            return  # Slurm itself has queued again what was over
        requeue = signal.getsignal(signal.SIGUSR2)
        stop = Stop(self.job.stop)
        stop.listen()

        def note(number: int, frame: FrameType | None) -> None:
            self.ahead = True
            stop.ask()

        signal.signal(signal.SIGUSR2, note)
        how = self.remote.carried_out(self.job, stop)
        if how == "stopped" and self.ahead and not self.job.stop.exists():
            how = self._queued_again(requeue)
        write_json(end_file(self.job), how)

    def checkpoint(self) -> Any:
        """What submitit is to run when the job starts again: the same, which resumes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(Attempt(self.remote, self.job, self.limits))

    def _queued_again(self, requeue: Any) -> str:
        """Does not come back where submitit queues the job again: that ends this process."""
        from submitit.core.utils import UncompletedJobError

        try:
            requeue(signal.SIGUSR2, None)
        except UncompletedJobError:
            return self.limits
        return "stopped"
