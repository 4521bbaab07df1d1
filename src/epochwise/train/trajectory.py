"""The state of a training after each step, as a hash of everything that led to it.

Two runs whose hashes are equal at a step have equal weights there, bit for bit, and may share all
training up to it; a checkpoint may be resumed by any run whose path leads through its hash.
Nothing else decides what is shared: epochs, sizes and schedules are nothing special.
"""

import hashlib
import json
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from epochwise.config import FORMAT, Experiment, TrainConfig, forget_places
from epochwise.data.order import steps_of_rows, steps_per_epoch
from epochwise.train.schedule import LOOKS_AT_THE_END, cooldown_steps, schedule

DIGEST = 16  # bytes: two of 2^64 states would have to be met before two are taken for one


class Path(NamedTuple):
    """One run's states; those of runs with a common beginning are the very same list there."""

    states: Sequence[bytes]
    """states[t] is the hash after optimizer step t; 0 is the untrained adapter."""
    steps: int

    def at(self, step: int) -> str:
        return self.states[step].hex()

    def parts_from(self, other: "Path") -> int:
        """The last step at which the two are one; -1 where they do not even begin alike."""
        length = min(self.steps, other.steps) + 1
        if self.states is other.states:
            return length - 1
        differs = bisect_left(
            range(length), True, key=lambda step: self.states[step] != other.states[step]
        )
        return differs - 1


class Stretch(NamedTuple):
    """Steps that all runs on board take as one, and where they go on from its end."""

    first: int
    last: int
    runs: Mapping[str, Path]
    """Some may end within; those that do not go on in one of the branches."""
    branches: tuple["Stretch", ...]

    @property
    def leader(self) -> str:
        """A run that takes every step of the stretch."""
        return max(self.runs, key=lambda run: self.runs[run].steps)

    @property
    def steps(self) -> int:
        """Optimizer steps to be taken, those of all branches included."""
        return self.last - self.first + 1 + sum(branch.steps for branch in self.branches)

    def flattened(self) -> Iterator["Stretch"]:
        """The stretch itself, and all that follow from it."""
        yield self
        for branch in self.branches:
            yield from branch.flattened()


def stretch(runs: Mapping[str, Path], first: int = 1) -> Stretch:
    """The tree of all steps of these runs, which are one until step `first`.

    Branches that end soonest come first, so that results come early.
    """
    longest = max(runs.values(), key=lambda path: path.steps)
    ends = [longest.parts_from(path) for path in runs.values()]
    last = min(
        (end for end, path in zip(ends, runs.values(), strict=True) if end < path.steps),
        default=longest.steps,
    )
    groups: dict[bytes, dict[str, Path]] = {}
    for run, path in runs.items():
        if path.steps > last:
            groups.setdefault(path.states[last + 1], {})[run] = path
    in_turn = sorted(groups.values(), key=lambda group: max(path.steps for path in group.values()))
    return Stretch(first, last, runs, tuple(stretch(group, last + 1) for group in in_turn))


class Paths:
    """The paths of a study's runs. What several have in common is hashed once."""

    def __init__(self) -> None:
        self._steady: dict[bytes, list[bytes]] = {}

    def of(self, run: Experiment, data_digest: str) -> Path:
        total = run.train.epochs * steps_per_epoch(run.data.size, run.train.batch_size)
        start = beginning(run, data_digest)
        if run.train.schedule in LOOKS_AT_THE_END:
            return Path(_grown([start], run, total), total)
        steady = self._steady.setdefault(_steady_key(run, start), [start])
        stable = total - cooldown_steps(run.train, total)
        _grow(steady, run, stable, schedule(_at_constant_rate(run.train), total))
        if stable == total:
            return Path(steady, total)
        return Path(_grown(steady[: stable + 1], run, total), total)


def beginning(run: Experiment, data_digest: str) -> bytes:
    """The hash of the untrained state: base weights, rows and their order, batching, adapter, seed.

    Which rows a step takes and at what rate follows step by step, so size, epochs and schedule are
    left out here, unless a schedule or method looks at the end of the run from the start on. What
    is measured is kept in: runs of one trunk are measured alike.
    """
    settings = run.model_dump(mode="json")
    for group in settings.values():
        group.pop("name", None)
    forget_places(settings["data"])
    settings["data"].pop("size")
    for key in ("epochs", "schedule", "cooldown", "warmup_steps"):
        settings["train"].pop(key)
    for key in ("questions", "limit", "shots", "max_new_tokens"):  # asked of a run that is done
        settings["evaluate"].pop(key, None)
    whole = [run.train.schedule, run.train.epochs, run.data.size] if looks_ahead(run) else None
    payload = json.dumps([FORMAT, data_digest, settings, whole], sort_keys=True)
    return hashlib.blake2b(payload.encode(), digest_size=DIGEST).digest()


def looks_ahead(run: Experiment) -> str:
    """Why every step of this run depends on how long it will be, or nothing."""
    if run.train.schedule in LOOKS_AT_THE_END:
        return f"train.schedule={run.train.schedule} depends on the length of the run"
    if run.peft.peft_type == "ADALORA":
        return "AdaLoRA plans its ranks over the length of the run (arxiv.org/abs/2303.10512)"
    return ""


def _steady_key(run: Experiment, start: bytes) -> bytes:
    """One list of states for all runs that differ only in how long they keep their rate."""
    rest = (run.data.size, run.train.learning_rate, run.train.warmup_steps)
    return start + repr(rest).encode()


def _at_constant_rate(train: TrainConfig) -> TrainConfig:
    return train.model_copy(update={"schedule": "constant"})


def _grown(states: list[bytes], run: Experiment, total: int) -> list[bytes]:
    _grow(states, run, total, schedule(run.train, total))
    return states


def _grow(states: list[bytes], run: Experiment, last: int, share: Callable[[int], float]) -> None:
    """Append the states up to step `last`."""
    rate = run.train.learning_rate
    for step, rows in enumerate(_packed(run, len(states), last), len(states)):
        payload = states[-1] + struct.pack("<d", share(step) * rate) + rows
        states.append(hashlib.blake2b(payload, digest_size=DIGEST).digest())


def _packed(run: Experiment, first: int, last: int) -> Iterator[bytes]:
    length = steps_per_epoch(run.data.size, run.train.batch_size)
    for number in range(first, last + 1):
        epoch, place = divmod(number - 1, length)
        yield _pass(run.train.seed, run.data.size, run.train.batch_size, epoch + 1)[place]


@lru_cache(maxsize=256)
def _pass(seed: int, rows: int, batch_size: int, epoch: int) -> tuple[bytes, ...]:
    """The rows of each step of one epoch, as bytes: the same for every model, method and rank."""
    length = steps_per_epoch(rows, batch_size)
    first = (epoch - 1) * length + 1
    taken = steps_of_rows(seed, rows, batch_size=batch_size, first=first, last=first + length - 1)
    return tuple(array("q", step).tobytes() for step in taken)
