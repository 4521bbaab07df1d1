"""What the study's runs answered: every arm, kind and run as CSV, with intervals.

python experiments/raw_or_questions/exact.py multirun/raw_or_questions/STAMP > quality.csv
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from epochwise.record import Record

COLUMNS = (
    *("told_as", "epochs", "seed", "arm", "kind", "questions"),
    *("exact", "exact_low", "exact_high", "f1"),
)
KINDS = ("trained", "paraphrase", "untrained")


def answered(run: Path) -> Iterator[list[object]]:
    settings = Record.load(run / "record.json").settings
    told_as = Path(settings["data"]["sources"]["asked"]["path"]).stem.removeprefix("asked_")
    arms = json.loads((run / "quality.json").read_text(encoding="utf-8"))["arms"]
    for arm, kinds in arms.items():
        for kind in KINDS:
            exact, f1 = kinds[kind]["exact"], kinds[kind]["f1"]["value"]
            shares = [round(exact[name], 4) for name in ("value", "low", "high")]
            train = settings["train"]
            place = [told_as, train["epochs"], train["seed"], arm, kind, exact["n"]]
            yield [*place, *shares, round(f1, 4)]


def main() -> None:
    runs = (Path(sys.argv[1]) / "runs").iterdir()
    rows = sorted(row for run in runs for row in answered(run))
    csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
