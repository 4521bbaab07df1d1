"""Text of records, data and models stays text: no element is made of it, nothing of it runs."""

import copy
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import html5lib
import pytest
from report import simulate
from report.attacks import ATTACKS
from report.browser import opened

from epochwise.quality import Answer, Measure, Quality, leave
from epochwise.record import Record, run_folder, write_json
from epochwise.report.page import write

PLAIN = [f"plain {number}" for number in range(len(ATTACKS))]


def attacked(record: Record, strings: Iterator[str]) -> Record:
    settings = copy.deepcopy(record.settings)
    for group, key in (("model", "name"), ("peft", "name"), ("data", "name"), ("model", "path")):
        settings[group][key] = next(strings)
    assert record.verdict is not None
    reason = record.verdict["reasons"][0] | {"advice": next(strings), "name": next(strings)}
    verdict = record.verdict | {"reasons": [reason], "flags": [next(strings)]}
    label = f"{next(strings)} {record.label}"
    return simulate.changed(record, settings=settings, verdict=verdict, label=label)


def answered(folder: Path, strings: Iterator[str]) -> None:
    measure = Measure(0.5, 0.4, 0.6, 40)
    kind = next(strings)
    kinds = {kind: {"exact": measure, "f1": measure}, "all": {"honesty": measure}}
    arms = {"run": kinds, "base": kinds, next(strings): kinds}
    leave(
        folder,
        Quality("d", arms, (), (next(strings),), (next(strings),)),
        [
            Answer(arm, question, kind, "g", "", (next(strings),), True, next(strings), False, {})
            for question in [next(strings) for _ in range(6)]
            for arm in ("run", "base")
        ],
    )


def reported(folder: Path, texts: list[str]) -> Path:
    """A report in which every text is one of `texts`, in turn, all of them somewhere."""
    strings = cycle(texts)
    records = [attacked(record, strings) for record in simulate.grid()]
    simulate.leave(folder, records, unfinished=(records[-1].id,))
    for record in records[:2]:
        answered(run_folder(folder, record.id), strings)
    simulate.study(
        records,
        name=next(strings),
        question=next(strings),
        command=next(strings),
        skipped=tuple(texts),
        versions={next(strings): next(strings)},
    ).save(folder)
    told = {"sentences": [*texts[:20]], "would_change": [*texts[20:40]]}
    write_json(folder / "finding.json", simulate.invented(records[:-1]) | told)
    return write(folder)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(tmp_path_factory.mktemp("attacked"), ATTACKS)


def elements(path: Path) -> Counter[tuple[str, str]]:
    """Every element of the tree that a browser would build, with the names of its attributes."""
    tree = html5lib.parse(path.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    return Counter((str(each.tag), " ".join(sorted(each.attrib))) for each in tree.iter())


def test_there_are_three_hundred_different_attacks() -> None:
    assert len(set(ATTACKS)) == 300


def test_attacks_make_the_same_elements_as_plain_words(page: Path, tmp_path: Path) -> None:
    plain = elements(reported(tmp_path, PLAIN))
    assert elements(page) == plain
    assert not [names for _, names in plain if any(n.startswith("on") for n in names.split())]


def test_every_attack_can_be_read_on_the_page(page: Path) -> None:
    tree = html5lib.parse(page.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    text = "".join(tree.find("body").itertext())
    assert not [attack for attack in ATTACKS if attack not in text]


def test_nothing_runs_in_a_browser(page: Path) -> None:
    with opened(page) as seen:
        view: Any = seen.page
        view.evaluate("dispatchEvent(new Event('beforeprint'))")  # draws all figures
        for chart in view.locator(".chart:visible").all():
            chart.hover()
        view.wait_for_timeout(300)
        assert view.evaluate("window.hit") is None
        assert seen.dialogs == []
        assert {url.partition(":")[0] for url in seen.requests} <= {"file", "blob", "data"}
        assert not [error for error in seen.errors if "Content Security Policy" in error]
        assert view.locator("script").count() == 3


def test_pictures_hold_no_script(page: Path) -> None:
    for path in (page.parent / "figures").glob("*.svg"):
        assert not [tag for tag, _ in elements(path) if tag.rpartition("}")[2] == "script"]
