"""What a study will take: time, memory and room, from the timings of its parts."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from epochwise.diagnose.cells import count
from epochwise.record import JSON
from epochwise.sweep.forecast.timing import Timing
from epochwise.sweep.forecast.workload import Split, Workload

GIB = 2**30


class Forecast(NamedTuple):
    """One trunk: what it is made of and, where it is known, what its parts take."""

    trunk: str
    label: str
    model: str
    """A worker loads it once for all its trunks in a row."""
    runs: int
    workload: Workload
    timing: Timing | None
    checkpoint_seconds: float
    """trainer.checkpoint_seconds."""

    @property
    def seconds(self) -> float | None:
        """Without loading the model and measuring it untuned: trunks share these."""
        if self.timing is None:
            return None
        work, part = self.workload, self.timing
        return self.training + part.keep * (work.branches + work.ends + self.checkpoints)

    @property
    def training(self) -> float:
        """Seconds without keeping any state."""
        assert self.timing is not None
        work, part = self.workload, self.timing
        return (
            part.begin
            + work.stretches * part.fit
            + work.steps * part.step
            + work.tokens * part.step_token
            + work.measurements * part.measure
            + work.batches * part.batch
            + work.batch_tokens * part.batch_token
            + work.exits * part.leave
        )

    @property
    def checkpoints(self) -> int:
        """Those that are due because time has passed."""
        if self.checkpoint_seconds == 0:
            return self.workload.steps
        return min(self.workload.steps, int(self.training / self.checkpoint_seconds))

    @property
    def disk(self) -> float | None:
        """GiB of run folders and of the states that are kept."""
        if self.timing is None:
            return None
        work, part = self.workload, self.timing
        size = work.exits * part.run_bytes + work.points * part.point_bytes
        size += work.lines * part.line_bytes
        # Beside the ends stays the newest state, or the newest two
        newest = min(1 if work.ends else 2, work.branches + self.checkpoints)
        size += (work.ends + newest) * part.keep_bytes + work.end_lines * part.line_bytes
        return size / GIB


@dataclass(frozen=True)
class Estimate:
    """Of what is left to train. None is what cannot be told; `notes` say why."""

    runs: int
    trunks: int
    steps: int
    row_passes: int
    tokens: int | None
    """Prompt and response tokens trained on."""
    seconds: float | None
    """From the command to its last run."""
    workers: int
    """Trunks trained at a time."""
    peak_memory: float | None
    """GiB of the largest worker: of its device where it has one."""
    disk: float | None
    """GiB."""
    cost: float | None
    """Of the machine for that time, in the currency of the price."""
    notes: tuple[str, ...]

    def json(self) -> JSON:
        return asdict(self)


class Terms(NamedTuple):
    """Under which a study is carried out."""

    workers: int
    preload: float
    """Seconds before the first trunk begins."""
    price_per_hour: float | None = None


def estimate(
    forecasts: Sequence[Forecast], terms: Terms, *, known_rows: bool, notes: Iterable[str] = ()
) -> Estimate:
    """The whole of these trunks, begun in their order.

    Args:
        known_rows: Whether the lengths of all rows are known, and so the tokens.
    """
    seconds = wall_time(forecasts, terms)
    peaks = [each.timing.peak_memory for each in forecasts if each.timing is not None]
    disks = [disk for each in forecasts if (disk := each.disk) is not None]
    all_known = len(peaks) == len(forecasts)
    cost = None
    if seconds is not None and terms.price_per_hour is not None:
        cost = seconds / 3600 * terms.price_per_hour
    return Estimate(
        runs=sum(each.runs for each in forecasts),
        trunks=len(forecasts),
        steps=sum(each.workload.steps for each in forecasts),
        row_passes=sum(each.workload.row_passes for each in forecasts),
        tokens=sum(each.workload.tokens for each in forecasts) if known_rows else None,
        seconds=seconds,
        workers=min(terms.workers, len(forecasts)),
        peak_memory=max(peaks, default=0.0) if all_known else None,
        disk=sum(disks, 0.0) if all_known else None,
        cost=cost,
        notes=tuple(notes),
    )


def wall_time(forecasts: Sequence[Forecast], terms: Terms) -> float | None:
    """Seconds until the last trunk ends, each being begun by the first worker that is free."""
    if any(each.timing is None for each in forecasts):
        return None
    workers = [(terms.preload, "") for _ in range(terms.workers)]  # free from, model loaded
    untuned: dict[Split, float] = {}  # measured from then on
    last = 0.0
    for each in forecasts:
        assert each.timing is not None
        assert each.seconds is not None
        free, loaded = heapq.heappop(workers)
        now = free + (each.timing.load if loaded != each.model else 0.0)
        missing = [s for s in each.workload.untuned if untuned.get(s, now + 1) > now]
        now += sum(_measuring(split, each.timing) for split in missing)
        untuned |= dict.fromkeys(missing, now)
        last = now + each.seconds
        heapq.heappush(workers, (last, each.model))
    return max((free for free, _ in workers), default=last) if forecasts else 0.0


def _measuring(split: Split, part: Timing) -> float:
    number, tokens = split.batches
    return part.measure + number * part.batch + tokens * part.batch_token


def brief(whole: Estimate) -> str:
    """What a study will take, in a line.

    >>> brief(Estimate(3, 2, 9, 9, 9, 90.0, 2, 0.9, 0.0117, None, ()))
    'about 1 min 30 s on 2 workers, 0.90 GiB each, 12 MiB on disk'
    """
    workers = count(whole.workers, "worker")
    if whole.seconds is None or whole.peak_memory is None or whole.disk is None:
        return f"time and memory on {workers} are not known"
    memory = f"{whole.peak_memory:.2f} GiB{' each' if whole.workers > 1 else ''}"
    return f"about {duration(whole.seconds)} on {workers}, {memory}, {room(whole.disk)} on disk"


def duration(seconds: float) -> str:
    """Two units at most.

    >>> duration(0.4), duration(89.6), duration(7300.0), duration(2e5)
    ('1 s', '1 min 30 s', '2 h 2 min', '2 d 8 h')
    """
    whole = max(1, round(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{whole} s"
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(whole / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def room(gib: float) -> str:
    """Bytes on a disk, as people say them.

    >>> room(0.0117), room(1.25)
    ('12 MiB', '1.2 GiB')
    """
    return f"{gib:,.1f} GiB" if gib >= 1 else f"{max(1, round(gib * 1024))} MiB"
