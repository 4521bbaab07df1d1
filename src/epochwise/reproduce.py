"""Build a run again from its saved folder alone, compare every number, say what drifted."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epochwise.config import Experiment
from epochwise.record import Record, RowLosses, Tick, flat, is_done, read_json, run_folder


class Reproduction(NamedTuple):
    equal: bool
    """Curve, row losses and adapter are bit for bit what they were."""
    differences: list[str]
    """Every number that differs."""
    drift: list[str]
    """What is not as it was: config, code, packages, data, model, hardware."""

    def lines(self) -> list[str]:
        """What a person reads."""
        head = "equal: every number and the adapter are what they were"
        if not self.equal:
            head = f"differs: {len(self.differences)} numbers are not what they were"
        drift = self.drift or ["nothing drifted: config, code, packages, data, model, hardware"]
        return [
            head,
            *(f"  {line}" for line in self.differences),
            "drift:",
            *(f"  {line}" for line in drift),
        ]


def reproduce(folder: Path, *, on_step: Callable[[Tick], None] = lambda tick: None) -> Reproduction:
    """Run `folder`'s experiment once more, elsewhere; the folder itself is only read."""
    import torch

    from epochwise.experiment import run_trunk
    from epochwise.train.folder import home, load_experiment

    if not is_done(folder):
        raise ValueError(f"{folder} is not a finished run: it has no DONE")
    folder = folder.resolve()
    before = Record.load(folder / "record.json")
    experiment = load_experiment(folder)
    origin = read_json(folder / "provenance.json")
    torch.set_num_threads(origin["hardware"]["threads"])
    with (
        tempfile.TemporaryDirectory(prefix="epochwise-") as scratch,
        contextlib.chdir(home(folder)),
    ):
        run_trunk({before.id: experiment}, Path(scratch), on_step=on_step)
        again = run_folder(Path(scratch), before.id)
        differences = list(_differences(folder, again))
        drift = list(_drift(folder, again, experiment))
    return Reproduction(not differences, differences, drift)


def _differences(old: Path, new: Path) -> Iterator[str]:
    """Each number of the curve, each row's losses, and the adapter's hash."""
    before, after = (Record.load(path / "record.json") for path in (old, new))
    if len(before.curve) != len(after.curve):
        yield f"the curve has {len(after.curve)} points, it had {len(before.curve)}"
    for was, now in zip(before.curve, after.curve, strict=False):
        for name in ("val", "probe"):
            a, b = was._asdict()[name], now._asdict()[name]
            if a != b:
                yield f"epoch {was.epoch}: {name} loss {a} is now {b} ({b - a:+.3g})"
    rows = [vars(RowLosses.load(path / "rows.npz")) for path in (old, new)]
    for name, values in rows[0].items():
        if _bytes(values) != _bytes(rows[1][name]):
            yield f"rows.npz: {name} differs"
    was_digest, now_digest = before.summary.adapter_digest, after.summary.adapter_digest
    if was_digest != now_digest:
        yield f"adapter {was_digest[:12]} is now {now_digest[:12]}"


def _drift(old: Path, new: Path, experiment: Experiment) -> Iterator[str]:
    """Every recorded circumstance that is another one today."""
    recorded = Record.load(old / "record.json").settings
    yield from _changes("config", recorded, experiment.model_dump(mode="json"))
    was, now = (read_json(path / "provenance.json") for path in (old, new))
    for part in ("code", "packages", "hardware", "model", "data"):
        yield from _changes(part, was[part], now[part])
    yield from _changed_rows(old, new)


def _changes(part: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    before, after = flat(was), flat(now)
    for key in sorted(before.keys() | after.keys()):
        a, b = before.get(key), after.get(key)
        if a != b:
            yield f"{part}: {key} was {_short(a)}, is {_short(b)}"


def _changed_rows(old: Path, new: Path) -> Iterator[str]:
    before, after = (RowLosses.load(path / "rows.npz") for path in (old, new))
    for split in ("train", "val"):
        a, b = vars(before)[f"{split}_digest"], vars(after)[f"{split}_digest"]
        if len(a) != len(b):
            yield f"data: {len(b)} {split} rows, there were {len(a)}"
        else:
            changed = (a != b).nonzero()[0] + 1
            yield from (f"data: {split} row {number} of {len(a)} changed" for number in changed)


def _bytes(measured: np.ndarray | None) -> bytes | None:
    return None if measured is None else measured.tobytes()


def _short(value: Any) -> str:
    """One line of at most 60 characters."""
    text = "absent" if value in (None, "") else str(value)
    line = text.splitlines()[0]
    return line if len(text) <= 60 else f"{line[:57]}..."
