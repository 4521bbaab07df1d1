"""What an offline W&B run's file holds: LevelDB's log framing around protobuf records."""

import json
import struct
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2 as pb

BLOCK = 32768
HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def chunks(data):
    ident, magic, _version = struct.unpack("<4sHB", data[:HEADER])
    assert (ident, magic) == (b":W&B", 0xBEE1)
    at, started = HEADER, b""
    while at + HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        _crc, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        piece = data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        started = piece if kind in (FULL, FIRST) else started + piece
        if kind in (FULL, LAST):
            yield started


def items(updates):
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in updates}


class Tracked:
    """One offline run, read whole."""

    def __init__(self, path: Path) -> None:
        self.config: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.steps: dict[str, str] = {}
        self.tags: list[str] = []
        self.alerts: list[Any] = []
        self.artifacts: dict[str, Any] = {}
        for chunk in chunks(path.read_bytes()):
            record = pb.Record()
            record.ParseFromString(chunk)
            self._take(record)

    def _take(self, record):
        match record.WhichOneof("record_type"):
            case "run":
                run = record.run
                self.id, self.group, self.name = run.run_id, run.run_group, run.display_name
                self.tags, self.job_type, self.git = list(run.tags), run.job_type, run.git
                self.config |= items(run.config.update)
            case "history":
                self.history.append(items(record.history.item))
            case "summary":
                self.summary |= items(record.summary.update)
            case "metric":
                self.steps[record.metric.name] = record.metric.step_metric
            case "alert":
                self.alerts.append(record.alert)
            case "artifact":
                self.artifacts[record.artifact.type] = record.artifact
            case "exit":
                self.exit_code = record.exit.exit_code

    def curve(self, x, y):
        return [(row[x], row[y]) for row in self.history if y in row]


def tracked(study_folder: Path) -> dict[str, list[Tracked]]:
    """Run id -> its files, the oldest first."""
    found: dict[str, list[Tracked]] = {}
    for path in sorted(study_folder.glob("wandb/*run-*/*.wandb")):
        run = Tracked(path)
        found.setdefault(run.id, []).append(run)
    return found
