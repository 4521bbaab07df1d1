"""One of the things that are compared: a run, or a study by its runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epochwise.record import (
    JSON,
    Record,
    RowLosses,
    Study,
    finished,
    flat,
    is_done,
    read_json,
    run_folder,
)

UNSET = "–"


@dataclass(frozen=True)
class Side:
    name: str
    """A, B, C in the order in which they were given."""
    folder: Path
    records: tuple[Record, ...]
    """The run, or the study's finished runs."""
    settings: JSON
    """Dotted key -> value; of a study, the list of values where its runs differ."""
    chosen: Record | None
    """The run, or the one that the study recommends."""
    answer: str | None
    """A study's finding in a sentence; None of a run."""

    @property
    def is_study(self) -> bool:
        return self.answer is not None

    def rows(self, record: Record) -> RowLosses:
        return RowLosses.load(self.home(record) / "rows.npz")

    def home(self, record: Record) -> Path:
        return run_folder(self.folder, record.id) if self.is_study else self.folder

    def setting(self, key: str) -> Any:
        return self.settings.get(key, UNSET)


def side(name: str, folder: Path) -> Side:
    """What is to be compared, from its folder.

    Raises:
        ValueError: It is neither a finished run nor a study with a finding.
    """
    if (folder / "study.json").is_file():
        return _study(name, folder)
    if is_done(folder):
        record = Record.load(folder / "record.json")
        return Side(name, folder, (record,), _plain(flat(record.settings)), record, None)
    raise ValueError(
        f"{folder}: is neither a study, multirun/NAME/STAMP, nor a finished run, with a file DONE"
    )


def _study(name: str, folder: Path) -> Side:
    study, records = Study.load(folder), tuple(finished(folder))
    if not (folder / "finding.json").is_file():
        raise ValueError(f"{folder}: no run has finished, so there is nothing to compare")
    finding = read_json(folder / "finding.json")
    chosen = next((record for record in records if record.id == finding["run"]), None)
    settings = _plain(study.settings | study.axes)
    return Side(name, folder, records, settings, chosen, finding["sentences"][0])


def _plain(settings: JSON) -> JSON:
    """Without the names of choices, which their own settings say better, except the model's."""
    labels = ("data.name", "train.name", "evaluate.name")
    return {key: value for key, value in settings.items() if key not in labels}


def identity(record: Record, apart: set[str]) -> tuple[tuple[str, str], ...]:
    """Equal for two runs that differ at most in the settings `apart`."""
    settings = _plain(flat(record.settings))
    kept = {key: value for key, value in settings.items() if key not in apart}
    return tuple(sorted((key, str(value)) for key, value in kept.items()))
