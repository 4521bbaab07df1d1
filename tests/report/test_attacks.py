"""Text of records, data and models stays text: no element is made of it, nothing of it runs."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import html5lib
import pytest
from report import simulate
from report.attacks import ATTACKS
from report.browser import opened

from epochwise.quality import Answer, Measure, Quality, leave
from epochwise.record import JSON, Record, run_folder, write_json
from epochwise.report import run_page
from epochwise.report.comparison.comparison import comparison
from epochwise.report.comparison.page import write as write_comparison
from epochwise.report.page import write
from epochwise.sweep.local_page import Report

PLAIN = [f"plain {number}" for number in range(len(ATTACKS))]


def attacked(record: Record, columns: dict[str, str], strings: Iterator[str]) -> Record:
    settings = copy.deepcopy(record.settings)
    settings["data"]["format"] = columns
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


def study(folder: Path, texts: list[str]) -> Path:
    """A study in which every text is one of `texts`, in turn, all of them somewhere."""
    strings = cycle(texts)
    columns = {f"column {place}": text for place, text in enumerate(texts)}  # settings, all alike
    records = [attacked(record, columns, strings) for record in simulate.grid()]
    simulate.leave(folder, records, unfinished=(records[-1].id,))
    for record in records[:2]:
        answered(run_folder(folder, record.id), strings)
        write_json(run_folder(folder, record.id) / "provenance.json", origin(strings))
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
    return folder


def origin(strings: Iterator[str]) -> JSON:
    parts = {part: {"digest": next(strings)} for part in ("data", "model", "code")}
    about = {name: {"python": next(strings)} for name in ("packages", "hardware")}
    return parts | about | {"license": next(strings)}


def run(folder: Path) -> Path:
    return run_folder(folder, simulate.grid()[0].id)


def compared(folder: Path) -> Path:
    """The study beside a run of it and the run beside the study, so that all texts differ."""
    page = folder / "comparison.html"
    return write_comparison(comparison([folder, run(folder)]), page)


def live(folder: Path) -> Path:
    """What `watch --serve` shows."""
    page = folder / "live.html"
    page.write_bytes(Report(folder).page())
    return page


PAGES: dict[str, Callable[[Path], Path]] = {
    "study": write,
    "run": lambda folder: run_page.write(run(folder)),
    "comparison": compared,
    "live": live,
}


@pytest.fixture(scope="module")
def attacked_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study(tmp_path_factory.mktemp("attacked"), ATTACKS)


@pytest.fixture(scope="module")
def plain_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study(tmp_path_factory.mktemp("plain"), PLAIN)


@pytest.fixture(scope="module", params=PAGES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def page(kind: str, attacked_study: Path) -> Path:
    return PAGES[kind](attacked_study)


def elements(path: Path) -> Counter[tuple[str, str]]:
    """Every element of the tree that a browser would build, with the names of its attributes."""
    tree = html5lib.parse(path.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    return Counter((str(each.tag), " ".join(sorted(each.attrib))) for each in tree.iter())


def test_there_are_three_hundred_different_attacks() -> None:
    assert len(set(ATTACKS)) == 300


def test_attacks_make_the_same_elements_as_plain_words(
    kind: str, page: Path, plain_study: Path
) -> None:
    plain = elements(PAGES[kind](plain_study))
    assert elements(page) == plain
    assert not [names for _, names in plain if any(n.startswith("on") for n in names.split())]


def test_every_attack_can_be_read_on_every_page(page: Path) -> None:
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


def test_pictures_hold_no_script(attacked_study: Path) -> None:
    pictures = list((write(attacked_study).parent / "figures").glob("*.svg"))
    assert len(pictures) > 5
    for path in pictures:
        assert not [tag for tag, _ in elements(path) if tag.rpartition("}")[2] == "script"]
