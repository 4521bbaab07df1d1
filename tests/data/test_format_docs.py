"""What docs/data.md says of formats is so."""

import json
import re
from pathlib import Path

import pytest

from epochwise.data.files import READERS
from epochwise.data.formats import Record
from epochwise.data.recognise import FORMATS, reading

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json (\w+)\n(.+)\n```", TEXT)


@pytest.mark.parametrize(("form", "line"), EXAMPLES)
def test_an_example_is_recognised(form: str, line: str) -> None:
    assert reading([Record("my.jsonl line 1", json.loads(line))], "auto", "my.jsonl").form == form


def test_every_format_and_every_kind_of_file_is_named() -> None:
    assert {form for form, _ in EXAMPLES} | {"oasst"} == set(FORMATS)
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) >= set(FORMATS)
    assert set(re.findall(r"`(\.\w+)`", TEXT)) == set(READERS)
