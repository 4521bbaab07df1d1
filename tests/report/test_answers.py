"""The report on what runs have answered."""

from dataclasses import replace
from pathlib import Path

import pytest
from report import simulate
from report.test_page import ATTACK, read

from epochwise.quality import Answer, Gain, Measure, Quality, leave
from epochwise.record import run_folder
from epochwise.report.answers import asked, course
from epochwise.report.gain import gain
from epochwise.report.language import words
from epochwise.report.page import write


def measure(value: float) -> Measure:
    return Measure(value, value - 0.1, value + 0.1, 40)


def quality(value: float, kind: str = "paraphrased", sentence: str = "It is worth it.") -> Quality:
    def arm(share: float) -> dict[str, dict[str, Measure]]:
        whole = {"honesty": measure(share), "bits_per_byte": measure(1 - share)}
        return {kind: {"exact": measure(share)}, "all": whole}

    return Quality("d", {"run": arm(value), "base": arm(0.2)}, (), (sentence,), ("A note.",))


def answered(kind: str, score: float) -> Answer:
    return Answer("run", "q", kind, "g", "", ("a",), True, "a", False, {"f1": score})


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return simulate.leave(tmp_path, simulate.grid())


def test_the_recommended_run_is_shown_beside_its_base(study: Path) -> None:
    records = simulate.grid()
    for record, value in zip(records[:2], (0.5, 0.7), strict=True):
        leave(run_folder(study, record.id), quality(value), [answered("paraphrased", value)])
    found = asked(study, records, records[1].id, words("en"))
    assert found is not None
    assert found.label == records[1].label
    assert found.measured["paraphrased, exact"]["run"].value == 0.7
    assert found.measured["paraphrased, exact"]["base"].value == 0.2
    assert found.measured["honesty"]["run"].value == 0.7
    assert found.bits["base"].value == 0.8
    first = asked(study, records, "none of these", words("en"))
    assert first is not None
    assert first.label == records[0].label


def test_a_study_that_was_asked_nothing_says_nothing(study: Path) -> None:
    assert asked(study, simulate.grid(), None, words("en")) is None
    assert course(study, words("en")) == ()
    assert "What do its answers say?" not in read(write(study)).text


def test_the_page_has_the_figure_its_numbers_and_what_they_mean(study: Path) -> None:
    record = simulate.grid()[0]
    leave(run_folder(study, record.id), quality(0.5), [answered("paraphrased", 0.5)])
    page = read(write(study))
    assert "What do its answers say?" in page.text
    assert "It is worth it." in page.text
    assert "paraphrased, exact" in page.text
    assert "answers" in page.having("data-figure")


def test_what_data_and_models_say_is_only_text(study: Path) -> None:
    record = simulate.grid()[0]
    told = quality(0.5, kind=ATTACK, sentence=ATTACK)
    leave(run_folder(study, record.id), told, [answered(ATTACK, 0.5)])
    page = read(write(study))
    assert not [element for element, _ in page.elements if element == "img"]
    assert ATTACK in page.text
    assert len(page.scripts) == 3


def test_a_gain_is_told_against_the_arm_that_is_hardest_to_beat() -> None:
    gains = (Gain("base", "f1", measure(0.3)), Gain("base + 4 shots", "f1", measure(0.05)))
    (told,) = gain(replace(quality(0.5), gains=gains), words("zh"))
    assert "未微调的基座 + 4 shots" in told
    assert "没有确定的收益" in told
    assert "+0.05" in told
    assert gain(quality(0.5), words("en")) == ("It is worth it.",)
