from dataclasses import replace
from pathlib import Path

import pytest
from runs import complete
from settings import changed

from epochwise.config import Experiment
from epochwise.diagnose.quality import lines, quality_verdict, study_quality
from epochwise.quality import Answer, save_answers
from epochwise.record import PlannedRun, Record, Study

EPOCHS = (1, 2, 4)
ANSWERED = Answer("run", "", "fact", "", "", ("blue",), True, "", False, {"f1": 0.0})


@pytest.fixture
def line(experiment: Experiment, tmp_path: Path) -> list[Record]:
    """Runs of 1, 2 and 4 epochs."""
    settings = {epochs: changed(experiment, {"train.epochs": epochs}) for epochs in EPOCHS}
    return [complete(tmp_path, f"e{epochs}", run) for epochs, run in settings.items()]


def answers(
    line: list[Record], shares: tuple[float, ...], kind: str = "fact"
) -> dict[str, list[Answer]]:
    """60 answers a run, in 30 sources, of which such a share is right: the same ones first."""
    return {
        record.id: [
            replace(
                ANSWERED,
                question=f"{kind} {n}",
                group=f"{kind} {n // 2}",
                kind=kind,
                scores={"f1": float((7 * n) % 60 < 60 * share)},
            )
            for n in range(60)
        ]
        for record, share in zip(line, shares, strict=True)
    }


def both(*parts: dict[str, list[Answer]]) -> dict[str, list[Answer]]:
    return {run: [one for part in parts for one in part[run]] for run in parts[0]}


def told_by_loss(line: list[Record], verdict: str) -> list[Record]:
    return [replace(record, verdict={"verdict": verdict}) for record in line]


def test_answers_that_get_worse_are_overfit(line: list[Record]) -> None:
    found = quality_verdict(told_by_loss(line, "overfit_loss"), answers(line, (0.3, 0.9, 0.4)))
    assert (found.run, found.verdict) == ("e4", "overfit_quality")
    whole = found.drops[0]
    assert whole.best_epoch == 2
    assert whole.by_epoch == pytest.approx({1: 0.3, 2: 0.9, 4: 0.4})
    assert whole.drop == pytest.approx(0.5, abs=0.1)
    assert 0.3 < whole.low < whole.drop < whole.high < 0.7
    assert (
        "answered worse after 4 epochs than after 2: F1 0.40 instead of 0.90" in found.sentences[0]
    )


@pytest.mark.parametrize("shares", [(0.3, 0.6, 0.9), (0.5, 0.5, 0.5), (0.5, 0.52, 0.5)])
def test_answers_that_do_not_get_worse_are_not_overfit(
    line: list[Record], shares: tuple[float, ...]
) -> None:
    found = quality_verdict(told_by_loss(line, "healthy"), answers(line, shares))
    assert found.verdict == "healthy"
    assert len(found.sentences) == 1
    assert "do not get worse for sure up to 4 epochs" in found.sentences[0]


def test_loss_and_quality_may_disagree_both_ways(line: list[Record]) -> None:
    better, worse = answers(line, (0.3, 0.6, 0.9)), answers(line, (0.3, 0.9, 0.4))
    by_loss = quality_verdict(told_by_loss(line, "overfit_loss"), better)
    assert by_loss.sentences[-1].startswith("Loss and quality disagree: the validation loss rises")
    by_answers = quality_verdict(told_by_loss(line, "healthy"), worse)
    assert by_answers.sentences[-1].endswith("Trust the answers.")
    agreed = quality_verdict(told_by_loss(line, "overfit_loss"), worse)
    assert not any("disagree" in sentence for sentence in agreed.sentences)


def test_one_kind_that_gets_worse_is_named_while_others_gain(line: list[Record]) -> None:
    mixed = both(
        answers(line, (0.1, 0.5, 0.9), "fact"),
        answers(line, (0.2, 0.5, 0.8), "skill"),
        answers(line, (0.9, 0.6, 0.3), "unanswerable"),
    )
    found = quality_verdict(line, mixed)
    assert found.verdict == "healthy"
    assert [drop.kind for drop in found.drops if drop.is_sure] == ["unanswerable"]
    assert any(text.startswith("Questions of kind unanswerable") for text in found.sentences)


def test_what_was_trained_on_word_by_word_is_no_quality(line: list[Record]) -> None:
    rote = both(answers(line, (0.1, 0.5, 0.9), "trained"), answers(line, (0.3, 0.9, 0.4)))
    assert [drop.kind for drop in quality_verdict(line, rote).drops] == ["all", "fact"]


def test_answers_to_other_questions_are_not_compared(line: list[Record]) -> None:
    mixed = answers(line, (0.3, 0.9, 0.4)) | {"e2": answers(line, (1, 1, 1), "other")["e2"]}
    with pytest.raises(ValueError, match="have answered other questions: give `epochwise evaluate"):
        quality_verdict(line, mixed)


def test_a_line_is_of_runs_that_differ_in_epochs_alone(line: list[Record]) -> None:
    seed = line[0].settings["train"] | {"seed": 1}
    other = replace(line[0], id="s1", settings=line[0].settings | {"train": seed})
    asks = line[0].settings["evaluate"] | {"limit": 3}  # changes no loss
    asked = replace(line[1], id="asked", settings=line[1].settings | {"evaluate": asks})
    found = lines([line[2], other, line[0], asked])
    assert [[record.id for record in one] for one in found] == [["e1", "asked", "e4"], ["s1"]]


def test_a_study_is_judged_by_the_runs_that_have_answered(
    line: list[Record], tmp_path: Path
) -> None:
    runs = tuple(PlannedRun(record.id, record.label, {}, "t") for record in line)
    Study("s", "", "epochwise sweep", {}, {}, runs).save(tmp_path)
    found = answers(line, (0.3, 0.9, 0.4))
    assert study_quality(tmp_path) == []
    for run in ("e2", "e4"):
        save_answers(tmp_path / "runs" / run, found[run])
    (verdict,) = study_quality(tmp_path)
    assert verdict.verdict == "overfit_quality"
    assert list(verdict.drops[0].by_epoch) == [2, 4]
