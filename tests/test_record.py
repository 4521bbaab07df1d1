"""Records of earlier versions stay readable."""

import json
from dataclasses import asdict
from pathlib import Path

from runs import SUMMARY

from epochwise.record import Point, Record


def test_a_record_from_before_rows_could_be_shortened_is_read(tmp_path: Path) -> None:
    record = Record("id", "label", {}, 4, (Point(0, 3.0, 3.0),), SUMMARY)
    record.save(tmp_path / "record.json")
    content = json.loads((tmp_path / "record.json").read_text())
    del content["summary"]["truncated_rows"], content["summary"]["split_rows"]
    (tmp_path / "record.json").write_text(json.dumps(content))
    found = asdict(Record.load(tmp_path / "record.json").summary)
    assert (found["truncated_rows"], found["split_rows"]) == (0, 0)
