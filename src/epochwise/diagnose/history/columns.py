"""Rows of named values, from any logger: which columns are losses, and along which axis."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from epochwise.diagnose.history.axis import Axis, Columns, Row, axis_of
from epochwise.diagnose.history.numeral import number
from epochwise.diagnose.trace import EMPTY, History, Trace

RUN = " - "  # between run and metric in W&B's exports
MOST = 1_000_000  # values of one column

VAL = re.compile(r"(^|[^a-z])(val|valid|validation|eval|evaluation|dev)([^a-z]|$)")
TEST = re.compile(r"(^|[^a-z])(test)([^a-z]|$)")
TRAIN = re.compile(r"(^|[^a-z])(train|training|tr)([^a-z]|$)")
LOSS = re.compile(r"(^|[^a-z])(loss|nll|ce|cross[ _-]?entropy)([^a-z]|$)")
OTHER = re.compile(
    r"(acc|f1|auc|bleu|rouge|perplexity|ppl|grad|runtime|scale|per_second|_min$|_max$)"
)
EPOCH = re.compile(r"(^|[^a-z])epochs?$")
STEP = re.compile(r"(^|[^a-z])(global[_ ]?step|step|steps|iteration|iter|iters|batch)$")


class Names(NamedTuple):
    """The columns that the user named; None for the usual ones."""

    train: str | None = None
    val: str | None = None


def history(rows: Sequence[Row], names: Names, *, progress: bool = False) -> History:
    """What the rows tell; a step or epoch that comes back replaces what was there (a restart).

    Args:
        progress: Whether epochs are counted as done, as HF's Trainer does: a validation at 0 is
            then one of the untrained model.

    Raises:
        ValueError: No column of losses is found, or not the one that was named.
    """
    found = columns(rows, names)
    rows = [row for row in rows if _told(row, found)]
    axis = axis_of(rows, found, progress=progress)
    val = _trace(rows, found.val, axis)
    train = _trace(rows, found.train, axis)
    if not len(val.losses) and not len(train.losses):
        raise ValueError(f"found the columns {_list(_names(rows))}, and no number in them")
    ends = axis.ends
    zero = progress and len(val.at) > 0 and bool(val.at[0] == 0)
    return History(val=val, train=train, based=zero, axis=axis.name, boundaries=ends)


def columns(rows: Sequence[Row], names: Names) -> Columns:
    """The columns to judge, by the user's names or by the usual ones."""
    known = _names(rows)
    for flag, name in (("--train", names.train), ("--val", names.val)):
        if name is not None and name not in known:
            raise ValueError(f"{flag} {name}: found only the columns {_list(known)}")
    losses = [name for name in known if _loss_like(name)] or [n for n in known if _split_like(n)]
    val = names.val or _first(losses, VAL) or _first(losses, TEST)
    train = names.train or _train(losses, val)
    if val is None and train is None:
        raise ValueError(
            f"found the columns {_list(known)}, and no loss among them; name them: "
            "--train NAME --val NAME"
        )
    rest = [name for name in known if name not in (val, train)]
    return Columns(val, train, _axis_name(rest, EPOCH), _axis_name(rest, STEP))


def _loss_like(name: str) -> bool:
    low = _words(name)
    return bool(LOSS.search(low)) and not OTHER.search(low.replace(" ", "_"))


def _split_like(name: str) -> bool:
    low = _words(name)
    split = VAL.search(low) or TEST.search(low) or TRAIN.search(low)
    axis = EPOCH.search(low) or STEP.search(low)
    return bool(split) and not axis and not OTHER.search(low.replace(" ", "_"))


def _words(name: str) -> str:
    """Lower case, words apart: valLoss, val/loss and val_loss are one name.

    >>> _words("run-7 - valLoss")
    'run 7   val loss'
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]", " ", apart.lower()).strip()


def _first(names: Iterable[str], pattern: re.Pattern[str]) -> str | None:
    """The shortest of those that match: val_loss before val_aux_loss; of equals the first."""
    fit = [name for name in names if pattern.search(_words(name))]
    best = min(fit, key=lambda name: (len(_words(name)), _averaged(name)), default=None)
    runs = [name for name in fit if best and RUN in best and name.endswith(best.split(RUN)[-1])]
    if len({name.rpartition(RUN)[0] for name in runs}) > 1:
        raise ValueError(f"found several runs in one table: name the column of one: {_list(runs)}")
    return best


def _averaged(name: str) -> bool:
    return _words(name).endswith("epoch")


def _train(losses: Sequence[str], val: str | None) -> str | None:
    rest = [name for name in losses if name != val and not _held_out(name)]
    named = _first(rest, TRAIN)
    return named or min(rest, key=lambda name: len(_words(name)), default=None)


def _held_out(name: str) -> bool:
    return bool(VAL.search(_words(name)) or TEST.search(_words(name)))


def _axis_name(names: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    fit = [name for name in names if pattern.search(_words(name)) and not OTHER.search(name)]
    return min(fit, key=len, default=None)


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _list(names: Sequence[str], most: int = 12) -> str:
    shown = [name[:40] for name in names[:most]]
    more = len(names) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more" if more > 0 else "")


def _told(row: Row, found: Columns) -> bool:
    names = [name for name in (found.val, found.train) if name is not None]
    return any(number(row.get(name)) is not None for name in names)


def _trace(rows: Sequence[Row], name: str | None, axis: Axis) -> Trace:
    """The column along the axis; where the axis goes back, what came before is replaced."""
    if name is None:
        return EMPTY
    kept: list[tuple[float, float]] = []
    for row, place in zip(rows, axis.places, strict=True):
        loss = number(row.get(name))
        if loss is None or place is None:
            continue
        while kept and kept[-1][0] >= place:
            kept.pop()
        kept.append((place, loss))
        if len(kept) > MOST:
            raise ValueError(f"the column {name} has more than {MOST:,} values: thin it out")
    if not kept:
        return EMPTY
    at, losses = np.array(kept, dtype=float).T
    return Trace(at.copy(), losses.copy())
