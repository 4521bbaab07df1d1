import re
from pathlib import Path

from epochwise.data.check.finding import NAMES

PAGE = Path(__file__).parents[3] / "docs" / "data_check.md"


def test_every_finding_is_described() -> None:
    table = [
        line.split("|")[1]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if "| `" in line
    ]
    named: set[str] = set()
    for cell in table:
        first, *more = re.findall(r"`(\w+)`", cell)
        stem = first.rpartition("_")[0]
        named |= {first} | {stem + name if name.startswith("_") else name for name in more}
    assert named == set(NAMES)
