"""One run's folder: opened when its trunk starts, closed by DONE when it leaves."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from epochwise.config import Experiment
from epochwise.record import Record, RowLosses, read_json, write_json
from epochwise.train import journal


class RunFolder:
    """Where one run's files go. What an earlier attempt left half done is removed at open."""

    def __init__(self, path: Path, experiment: Experiment) -> None:
        self.path = path
        self.experiment = experiment

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    def open(self, provenance: dict[str, Any]) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        settings = yaml.safe_dump(self.experiment.model_dump(mode="json"), sort_keys=False)
        (self.path / "config.yaml").write_text(settings, encoding="utf-8")
        write_json(self.path / "provenance.json", provenance)

    def note(self, row: dict[str, Any]) -> None:
        self.write(journal.line(row))

    def write(self, lines: bytes) -> None:
        journal.extend(self.path / "journal.jsonl", lines)

    def close(self, record: Record, rows: RowLosses) -> None:
        """Write what was measured, then DONE with the SHA-256 of each file."""
        rows.save(self.path / "rows.npz")
        record.save(self.path / "record.json")
        self.note({"kind": "end", "verdict": (record.verdict or {}).get("verdict")})
        files = sorted(file for file in self.path.rglob("*") if file.is_file())
        manifest = {str(file.relative_to(self.path)): _sha256(file) for file in files}
        (self.path / "DONE").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def load_experiment(path: Path) -> Experiment:
    """The experiment of a run folder, from its config.yaml alone."""
    return Experiment(**yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8")))


def home(path: Path) -> Path:
    """Where the run's command was given, from where its relative paths lead; else here."""
    folder = Path(read_json(path / "provenance.json")["folder"])
    return folder if folder.is_dir() else Path()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
