"""The verdict on a file, whatever tool has written it: what it is, its content tells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from epochwise.diagnose.history import own
from epochwise.diagnose.history.axis import Row
from epochwise.diagnose.history.columns import Names, history
from epochwise.diagnose.history.events import are_events, event_files, event_rows
from epochwise.diagnose.history.numeral import number
from epochwise.diagnose.history.text import (
    console_rows,
    document_rows,
    json_document,
    json_lines,
    table_rows,
)
from epochwise.diagnose.verdict import Verdict, judge_history
from epochwise.record import JSON, finite

LARGEST = 256 * 2**20  # bytes: a million evaluations with a dozen metrics
ALLOWED = (
    "a run folder, record.json, journal.jsonl, trainer_state.json, a CSV or TSV with a header, "
    "JSON, JSON lines, a console log of HF's Trainer, or TensorBoard event files"
)


class Judged(NamedTuple):
    file: str
    axis: str
    """What epochs are counted in: steps where the file has no others."""
    verdict: Verdict

    @property
    def names(self) -> tuple[str, ...]:
        """The headline and the flags."""
        return (self.verdict.verdict, *self.verdict.flags)

    def json(self) -> JSON:
        verdict = self.verdict
        fields = {
            "file": self.file,
            "verdict": verdict.verdict,
            "flags": list(verdict.flags),
            "best_epoch": verdict.best_epoch,
            "onset_epoch": verdict.onset_epoch,
            "onset_interval": verdict.onset_interval,
            "rise": verdict.rise,
            "confidence": verdict.confidence,
            "axis": self.axis,
            "reasons": [vars(reason) for reason in verdict.reasons],
        }
        told: JSON = finite(fields)
        return told


def judged(path: Path, names: Names) -> Judged:
    """The file's verdict.

    Raises:
        ValueError: No history can be read from it; says what was found and what is allowed.
        OSError: The file system refuses it.
    """
    if path.is_dir():
        return _folder(path, names)
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"found {size / 2**20:,.0f} MiB; allowed are {LARGEST // 2**20} MiB")
    data = path.read_bytes()
    if are_events(data):
        return _of_rows(path, event_rows([path], path.parent), names)
    text = _text(data)
    document = json_document(text)
    lines = json_lines(text) if document is None else []
    if own.is_record(document):
        return Judged(str(path), "epoch", own.judged_record(path))
    if own.is_journal(lines):
        return Judged(str(path), "epoch", own.judged_journal(lines))
    return _of_text(path, text, document, lines, names)


def _folder(path: Path, names: Names) -> Judged:
    for name in ("record.json", "journal.jsonl", "trainer_state.json", "metrics.csv"):
        if (path / name).is_file():
            return judged(path / name, names)._replace(file=str(path))
    files = event_files(path)
    if not files:
        raise ValueError("found a folder without a history; allowed are " + ALLOWED)
    return _of_rows(path, event_rows(files, path), names)


def _text(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(
            "found neither text nor TensorBoard events; allowed are " + ALLOWED
        ) from None
    if not text.strip() or "\0" in text:
        found = "an empty file" if not text.strip() else "binary data"
        raise ValueError(f"found {found}; allowed are " + ALLOWED)
    return text


def _of_text(  # noqa: D417
    path: Path, text: str, document: Any, lines: Sequence[Row], names: Names
) -> Judged:
    if document is not None:
        log = document.get("log_history") if isinstance(document, dict) else None
        if isinstance(log, list):
            logged = [row for row in log if isinstance(row, dict)]
            return _of_rows(path, _trainer_rows(logged), names, progress=True)
        return _of_rows(path, document_rows(document), names)
    if lines:
        trainer = any("eval_loss" in line for line in lines)
        return _of_rows(path, _trainer_rows(lines), names, progress=trainer)
    console = console_rows(text)
    if console:
        return _of_rows(path, _trainer_rows(console), names, progress=True)
    if text.lstrip()[0] in "{[":
        raise ValueError("found broken JSON; allowed are " + ALLOWED)
    try:
        rows = table_rows(text)
    except ValueError as error:
        raise ValueError(f"{error}; allowed are {ALLOWED}") from None
    return _of_rows(path, rows, names)


def _trainer_rows(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """HF's rows without the summary at the end; a loss of 0 beside a gradient of NaN is NaN.

    In 16 bits its Trainer logs exactly that once training has diverged.
    """
    kept: list[Row] = []
    for row in rows:
        summary = "train_runtime" in row and "loss" not in row
        slope = number(row.get("grad_norm"))
        lost = slope is not None and slope != slope and number(row.get("loss")) == 0
        kept += [] if summary else [dict(row) | ({"loss": "nan"} if lost else {})]
    return kept


def _of_rows(path: Path, rows: Sequence[Row], names: Names, *, progress: bool = False) -> Judged:
    found = history(rows, names, progress=progress)
    return Judged(str(path), found.axis, judge_history(found))
