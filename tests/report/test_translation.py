"""Pages in other languages: no sentence of ours is left in English, but where the page says so."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest
from report import simulate
from report.test_base_models import grid, quality

from epochwise.diagnose.finding import study_finding
from epochwise.quality import Answer, Gain, leave
from epochwise.record import run_folder
from epochwise.report import run_page
from epochwise.report.comparison.comparison import comparison
from epochwise.report.comparison.page import write as write_comparison
from epochwise.report.language import words
from epochwise.report.page import write
from epochwise.report.said import said, unit

SENTENCE = re.compile(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}")
QUOTED = ("pre", "code", "script", "style")  # what was typed, keys, and no text


def english(element: Element) -> Iterator[str]:
    """Sentences in English that are not marked as such."""
    if element.tag in QUOTED or element.get("lang") == "en":
        return
    titles = (element.get(name) for name in ("title", "aria-label"))
    for text in (element.text, *titles, *(child.tail for child in element)):
        if text and SENTENCE.search(text):
            yield text.strip()
    for child in element:
        yield from english(child)


def left_in_english(page: Path) -> list[str]:
    tree = html5lib.parse(page.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    return [text for part in tree for text in english(part)]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, all runs evaluated but one, which did not finish."""
    folder, records = tmp_path_factory.mktemp("study"), grid()
    simulate.leave(folder, records, unfinished=(records[0].id,), finding=study_finding)
    simulate.study(records, question="Which?", skipped=()).save(folder)
    for place, record in enumerate(records[1:]):
        told = quality(0.4 + 0.1 * place, 0.2)
        gain = told.arms["run"]["all"]["f1"]
        sentence = "Fine-tuning is worth it, as it was measured here."
        answers = [
            Answer(arm, f"q{i}", "open_book", f"{i}", "", ("a",), True, "a", False, {"f1": 0.5})
            for arm in ("run", "base")
            for i in range(8)
        ]
        changes = {"gains": (Gain("base", "f1", gain),), "sentences": (sentence,)}
        changes["notes"] = ("Measured in the way of the library.",)
        leave(run_folder(folder, record.id), type(told)(**vars(told) | changes), answers)
    return folder


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_a_study(study: Path, language: str) -> None:
    assert left_in_english(write(study, language)) == []


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_a_run(study: Path, language: str) -> None:
    run = run_folder(study, grid()[1].id)
    assert left_in_english(run_page.write(run, language)) == []


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_a_comparison(study: Path, language: str, tmp_path: Path) -> None:
    found = comparison([study, study])
    assert left_in_english(write_comparison(found, tmp_path / "page.html", language)) == []


def test_english_is_found_where_there_is_some(study: Path) -> None:
    told = left_in_english(write(study, "en"))
    assert any("Fine-tuning is worth it" in sentence for sentence in told)
    assert any("Each dot is an evaluated run" in sentence for sentence in told)


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_a_loss_of_whole_answers_is_told_as_such(language: str) -> None:
    found = words(language)
    finding = {
        **simulate.invented(simulate.grid()),
        **{"unit": "nats per answer", "standings": [{"runs": ["a"]}] * 2, "equals": []},
    }
    told = " ".join(said(finding, found).sentences)
    assert unit(finding, found) == found("unit_of_loss.answer")
    assert found("unit_of_loss.token") not in told
    assert language == "en" or found("unit_of_loss.answer") in told
