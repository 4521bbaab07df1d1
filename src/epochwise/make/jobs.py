"""Jobs that ask a model, several at a time; what each has made is on disk before it counts."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import Event

from epochwise.endpoint import JSON, Meter, SpentError
from epochwise.make.journal import Journal


def carry_out(
    jobs: Sequence[Callable[[], JSON]],
    journal: Journal,
    meter: Meter,
    *,
    at_a_time: int,
    on_done: Callable[[int], None],
) -> bool:
    """Add to the journal what each job makes, and what was spent by then.

    Returns whether all are done: not where the meter's limit was reached.

    Raises:
        ValueError: As a job does. What the others have made by then is kept.
    """
    problem: Exception | None = None
    done = 0
    with ThreadPoolExecutor(at_a_time) as pool:
        failed = Event()
        futures = [pool.submit(_guarded, job, failed) for job in jobs]
        try:
            for future in as_completed(futures):
                if not future.cancelled():
                    found = _gathered(future, journal, meter)
                    if problem is None or isinstance(problem, SpentError):
                        problem = found or problem
                    done += found is None
                if problem:
                    _cancel(futures)
                on_done(done)
        except BaseException:
            _cancel(futures)
            raise
    if problem is not None and not isinstance(problem, SpentError):
        raise problem
    return problem is None


def _guarded(job: Callable[[], JSON], failed: Event) -> JSON:
    """No job is begun after one has failed: its thread would take the next at once."""
    if failed.is_set():
        raise SpentError("not begun")
    try:
        return job()
    except ValueError:
        failed.set()
        raise


def _gathered(future: "Future[JSON]", journal: Journal, meter: Meter) -> Exception | None:
    """Keeps what was made; returns why nothing was."""
    try:
        entry = future.result()
    except ValueError as error:
        return error
    journal.add(entry | {"spent": list(meter.spent)})
    return None


def _cancel(futures: "Sequence[Future[JSON]]") -> None:
    for future in futures:
        future.cancel()
