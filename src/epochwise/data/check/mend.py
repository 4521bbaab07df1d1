"""A cleaned copy of a data set, and a log of all that was changed; the original stays as it is."""

import csv
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.check import repeats
from epochwise.data.check.leaks import leaks
from epochwise.data.check.markers import FOREIGN, pattern, special_tokens
from epochwise.data.check.private import private, redacted
from epochwise.data.check.report import Subject
from epochwise.data.formats import Record
from epochwise.data.rows import Readable, records, sources


class Change(NamedTuple):
    """One line of the log; what was private stands in neither."""

    place: str
    change: str
    """`removed` or `changed`."""
    reason: str
    because_of: str = ""
    """The row that is repeated or leaked."""


class Mended(NamedTuple):
    records: dict[str, list[Record]]
    """Of each source of a mixture, by its name; else of the one data set, without a name."""
    changes: list[Change]


def mended(looked_at: Subject, tokenizer: PreTrainedTokenizerBase) -> Mended:
    """Every record that stays, with private data and control tokens taken out of its texts.

    Which of several contradicting answers is right nobody can tell here: they all stay.

    Raises:
        ValueError: Rows and records are not one to one.
    """
    removed = {change.place: change for change in _removals(looked_at)}
    known = {row.place for row in looked_at.found.rows} | removed.keys()
    staying = known - removed.keys()
    markers = pattern([*special_tokens(tokenizer), *FOREIGN])
    kept: dict[str, list[Record]] = {}
    changes = list(removed.values())
    for origin, record in _records(looked_at.data):
        if record.place not in known and not looked_at.found.problems.more:
            raise ValueError(
                f"--fix: {record.place} is no row of its own, as in conversation trees:"
                " these can be checked, but not be written again"
            )
        if record.place in staying:
            _add_cleaned(record, markers, kept.setdefault(origin, []), changes)
    return Mended(kept, changes)


def _records(data: DataConfig) -> Iterator[tuple[str, Record]]:
    """Each with the name of its source, which its place begins with, in a mixture."""
    if not data.sources:
        yield from (("", record) for record in records(data))
    for name, source in sources(data).items():
        for record in records(source):
            yield name, record._replace(place=f"{name}: {record.place}")


def _add_cleaned(
    record: Record, markers: re.Pattern[str], kept: list[Record], changes: list[Change]
) -> None:
    reasons: list[str] = []
    fields = _cleaned(record.fields, partial(_clean, markers=markers, reasons=reasons))
    if BLANK in reasons:
        changes.append(Change(record.place, "removed", BLANK))
        return
    kept.append(Record(record.place, fields))
    changes += [Change(record.place, "changed", why) for why in dict.fromkeys(reasons)]


def write(out: Path, made: Mended) -> list[Path]:
    """Leaves OUT, or a file for each source, and the log, each new; returns the log's path first.

    Raises:
        ValueError: One of them is there already, or cannot be written.
    """
    log = log_of(out)
    files = {name: file_of(out, name) for name in made.records}
    try:
        for name, path in files.items():
            with path.open("x", encoding="utf-8", newline="") as file:
                WRITERS[out.suffix.lower()](file, made.records[name])
        with log.open("x", encoding="utf-8") as file:
            _json_lines(file, [Record(each.place, each._asdict()) for each in made.changes])
    except OSError as error:
        raise ValueError(f"--fix {error.filename}: {error.strerror}") from error
    return [log, *files.values()]


def file_of(out: Path, source: str) -> Path:
    """`OUT.NAME.jsonl` for a source of a mixture: its columns are its own."""
    return out.with_name(f"{out.stem}.{source}{out.suffix}") if source else out


def log_of(out: Path) -> Path:
    return out.with_suffix(".log.jsonl")


def fault(out: Path, sources: Sequence[str] = ()) -> str:
    """Why nothing can be written to OUT, for each source if there are any; empty where it can."""
    if out.suffix.lower() not in WRITERS:
        return f"--fix {out}: unknown suffix {out.suffix!r}, expected one of {sorted(WRITERS)}"
    if not out.parent.is_dir():
        return f"--fix {out}: there is no folder {out.parent}"
    files = [file_of(out, name) for name in sources or ("",)]
    there = [file for file in (*files, log_of(out)) if file.exists()]
    return f"--fix {out}: {there[0]} is there already; give another name" if there else ""


BLANK = "nothing is left of a text without its control tokens"


def _removals(looked_at: Subject) -> Iterator[Change]:
    """One a row, for the gravest reason."""
    rows, every = looked_at.rows, looked_at.every
    for place in _unread(looked_at.found, looked_at.data.sources or ()):
        yield Change(place, "removed", "cannot be read")
    gone: dict[int, tuple[str, int]] = {}
    seen = leaks(every, range(len(rows)), range(len(rows), len(every)), looked_at.related)
    for kind, found in seen._asdict().items():
        gone |= {row: (f"leak from the test set, {kind}", test) for row, test in found}
    again = {"exact": repeats.exact(rows), "normalised": repeats.normalised(rows)}
    for kind, repeated in again.items():
        for row, first in repeated.items():
            gone.setdefault(row, (f"duplicate, {kind}", first))
    _add_near(looked_at, gone)
    for row, (reason, other) in sorted(gone.items()):
        yield Change(rows[row].place, "removed", reason, every[other].place)


def _add_near(looked_at: Subject, gone: dict[int, tuple[str, int]]) -> None:
    """Of near relatives the later ones go, but only for one that itself stays."""
    for row, others in sorted(looked_at.related.near.items()):
        staying = [other for other in others if other < row and other not in gone]
        if row < len(looked_at.rows) and staying:
            gone.setdefault(row, ("duplicate, near", min(staying)))


def _unread(found: Readable, sources: Collection[str]) -> list[str]:
    """Places of records that are no rows, and of lines that are no records."""
    read = {row.place for row in found.rows}
    parts = [line.split(": ") for line in found.problems.lines]
    places = [": ".join(one[: 1 + (one[0] in sources)]) for one in parts]
    return [place for place in dict.fromkeys(places) if place not in read]


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """The same value with every text in it cleaned, at any depth; names of fields stay."""
    match value:
        case str():
            return clean(value)
        case list():
            return [_cleaned(item, clean) for item in value]
        case dict():
            return {name: _cleaned(item, clean) for name, item in value.items()}
    return value


def _clean(text: str, *, markers: re.Pattern[str], reasons: list[str]) -> str:
    reasons += [f"{found.kind} replaced by a placeholder" for found in private(text)]
    safe = redacted(text)
    plain = markers.sub("", safe)
    reasons += ["control tokens taken out"] * (plain != safe)
    reasons += [BLANK] * (not plain.strip() and bool(safe.strip()))
    return plain


def _json_lines(file: IO[str], records: Iterable[Record]) -> None:
    for record in records:
        file.write(json.dumps(record.fields, ensure_ascii=False) + "\n")


def _json(file: IO[str], records: Iterable[Record]) -> None:
    json.dump([record.fields for record in records], file, ensure_ascii=False, indent=1)


def _table(file: IO[str], records: list[Record], delimiter: str = ",") -> None:
    """Cells that are no text stand as JSON, as the readers take them."""
    names = list(dict.fromkeys(name for record in records for name in record.fields))
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    for record in records:
        writer.writerow([_cell(record.fields.get(name)) for name in names])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


WRITERS: dict[str, Callable[[IO[str], list[Record]], None]] = {
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": _table,
    ".tsv": lambda file, records: _table(file, records, "\t"),
}
