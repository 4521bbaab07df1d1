"""What verdicts rest on, told in other languages: real verdicts of planted curves."""

import math
import re
from dataclasses import asdict

import numpy as np
import pytest
from diagnose.planted import curve, curve_of, noisy
from diagnose.test_canary import with_secrets
from diagnose.test_memorised_rows import general, sharpened, with_probe
from report import simulate

from epochwise.diagnose.verdict import FLAGS, judge
from epochwise.record import Point, Record, RowLosses
from epochwise.report.language import words
from epochwise.report.reasons import TELL, reasons

LEVELS = {
    "overfits": [2.0, 1.5, 1.4, 1.6, 1.9],
    "improves": [2.0, 1.5, 1.2],
    "has learnt nothing": [2.0, 2.0, 2.0],
    "diverged": [2.0, 2.5, 3.0],
    "is level": [2.0, 1.0, 1.01, 1.01],
    "bounces": [2.0, 1.0, 1.6, 1.0, 1.6, 1.0, 1.6, 1.0, 1.6],
}


def judged(points: list[Point], rows: RowLosses | None) -> Record:
    verdict = asdict(judge(points, rows))
    return simulate.changed(simulate.record(32, 1, 2), curve=tuple(points), verdict=verdict)


def cases() -> dict[str, Record]:
    found = {}
    for name, levels in LEVELS.items():
        rows = noisy(levels, 4000)
        found[name] = judged(curve_of(rows, levels), rows)
    draws = np.random.default_rng(0)
    secrets = np.array([9.0, 4.0, 0.1])
    planted = {
        "has few rows": noisy([2.0, 1.0, 1.01], 6, noise=0.5),
        "is memorised": with_probe(gain=1.0),
        "has forgotten": general(0.2),
        "knows secrets": with_secrets(secrets, draws.normal(9, 1, 256)),
        "knows none": with_secrets(draws.normal(9, 1, 3), draws.normal(9, 1, 256)),
    }
    for name, rows in planted.items():
        found[name] = judged(curve_of(rows), rows)
    sure = sharpened()
    found["is too sure"] = judged(curve_of(sure, [0.7, 0.5, 0.3, 0.1]), sure)
    found["is not finite"] = judged(curve([2.0, math.nan]), None)
    found["has no base"] = judged(curve([math.nan, 1.0]), None)
    found["is untrained"] = judged(curve([2.0]), None)
    return found


CASES = cases()


def digits(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


@pytest.mark.parametrize("language", ["zh", "ja"])
@pytest.mark.parametrize("name", CASES)
def test_the_numbers_told_are_those_of_the_english_sentence(name: str, language: str) -> None:
    record = CASES[name]
    english = [line.advice for line in reasons(record, words("en")).lines]
    told = reasons(record, words(language)).lines
    assert len(told) == len(english) > 0
    for line, sentence in zip(told, english, strict=True):
        assert line.language == language
        extra = {"10", "3", "0", "100"}  # of `a tenth`, `3 to 10 times`, and the base's epoch
        assert digits(line.advice) <= digits(sentence) | extra
        assert not re.search(r"[a-z]{3,} [a-z]{3,}", line.advice)


def test_the_cases_have_every_headline_with_numbers_of_its_own() -> None:
    headlines = {record.verdict["verdict"] for record in CASES.values() if record.verdict}
    assert headlines == {
        *("overfit_loss", "still_improving", "no_learning", "diverged", "healthy", "inconclusive")
    }


def test_the_cases_have_flags_and_nearly_every_reason() -> None:
    verdicts = [record.verdict or {} for record in CASES.values()]
    assert {flag for each in verdicts for flag in each["flags"]} >= {
        *("unstable", "memorised", "forgetting", "calibration_only")
    }
    told = {reason["name"] for each in verdicts for reason in each["reasons"]}
    assert set(TELL) - told <= {"boundary_drop", "spikes", "below_training", "detectable_fall"}


def test_the_sentence_to_act_on_is_the_one_that_the_headline_rests_on() -> None:
    def first(name: str) -> str:
        return reasons(CASES[name], words("ja")).lines[0].advice

    assert "train.epochs=2" in first("overfits")
    assert "4 エポックまで" in first("improves")
    assert "train.learning_rate" in first("has learnt nothing")
    assert "model.weights" in first("has no base")


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_every_flag_and_every_reason_has_words(language: str) -> None:
    texts = words(language).texts
    assert all(f"flag.{name}" in texts for name in FLAGS)
    assert all(f"reason.{name}.name" in texts for name in TELL)


def test_a_reason_that_is_not_known_keeps_its_own_sentence() -> None:
    record = simulate.record(32, 1, 2)
    verdict = dict(record.verdict or {})
    verdict["reasons"] = [verdict["reasons"][0] | {"name": "of_tomorrow"}]
    (line,) = reasons(simulate.changed(record, verdict=verdict), words("zh")).lines
    assert (line.language, line.advice) == ("en", verdict["reasons"][0]["advice"])


def test_what_was_learnt_is_told_as_less_than_the_base() -> None:
    def learned(name: str) -> str:
        record = CASES[name]
        names = [reason["name"] for reason in (record.verdict or {})["reasons"]]
        return reasons(record, words("zh")).lines[names.index("learned_share")].advice

    assert "-39.6%" in learned("improves")
    assert "+25.5%" in learned("diverged")
