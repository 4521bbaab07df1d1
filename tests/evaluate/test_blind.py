import json
from dataclasses import replace
from pathlib import Path

import pytest

from epochwise.evaluate.blind import MOST, pairs_of, tally, write_blind
from epochwise.quality import Answer, Gain, Measure, Quality

ANSWER = Answer("run", "Where?", "k", "g", "", ("Here.",), True, "", False, {})
GAINS = tuple(
    Gain(arm, "f1", Measure(value, 0.0, 1.0, 9))
    for arm, value in (("base", 0.5), ("base + 4 shots", 0.2))
)
QUALITY = Quality("d", {}, GAINS, (), ())


def answers(count: int) -> list[Answer]:
    return [
        replace(ANSWER, arm=arm, question=f"Question {n}?", answer=f"{text} {n}")
        for arm, text in (("run", "tuned"), ("base", "plain"), ("base + 4 shots", "shown"))
        for n in range(count)
    ]


def test_sides_are_shuffled_and_the_key_tells_them(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    key = write_blind(page, answers(20), QUALITY)
    assert key == tmp_path / "page.key.json"
    text, told = page.read_text(encoding="utf-8"), json.loads(key.read_text(encoding="utf-8"))
    assert told["arms"] == ["run", "base + 4 shots"]
    assert set(told["left"].values()) == {"run", "base + 4 shots"}
    pairs = pairs_of(answers(20), "base + 4 shots", seed="d")
    assert [pair.left_is for pair in pairs] == list(told["left"].values())
    for pair in pairs:
        mine, other = ("tuned", "shown") if pair.left_is == "run" else ("shown", "tuned")
        assert pair.left.startswith(mine)
        assert pair.right.startswith(other)
        assert pair.left.split()[-1] == pair.right.split()[-1] == pair.question[9:-1]
        assert text.index(f"<p>{pair.left}</p>") < text.index(f"<p>{pair.right}</p>")


def test_the_page_does_not_say_who_is_who(tmp_path: Path) -> None:
    write_blind(tmp_path / "page.html", answers(3), QUALITY)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "plain" not in text  # the arm that is easier to beat
    assert "shots" not in text
    assert ">run<" not in text


def test_what_a_model_writes_stays_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    evil = "</p><script src='https://evil.example/x.js'></script>"
    found = [replace(one, answer=one.arm + evil, question=evil) for one in answers(2)]
    write_blind(tmp_path / "page.html", found, QUALITY)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script src" not in text
    assert text.count("<script") == 1
    assert "default-src 'none'" in text
    assert "https://" not in text.replace("https://evil.example", "")


def test_equal_answers_are_left_out_and_not_too_many_are_shown() -> None:
    same = [replace(one, answer="same") for one in answers(5)]
    assert pairs_of(same, "base", seed="d") == []
    assert len(pairs_of(answers(MOST + 9), "base", seed="d")) == MOST


def test_without_anything_to_compare_or_a_place_to_write_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--blind: all questions were trained on"):
        write_blind(tmp_path / "page.html", answers(2), replace(QUALITY, gains=()))
    with pytest.raises(ValueError, match=r"--blind .*page.html: cannot be written"):
        write_blind(tmp_path / "none" / "page.html", answers(2), QUALITY)


def test_choices_are_counted_by_arm(tmp_path: Path) -> None:
    page, file = tmp_path / "page.html", tmp_path / "choices.json"
    key = json.loads(write_blind(page, answers(20), QUALITY).read_text(encoding="utf-8"))
    best = {number: "left" if arm == "run" else "right" for number, arm in key["left"].items()}
    worst = {"left": "right", "right": "left"}
    chosen = best | {"1": worst[best["1"]], "2": "same"}
    file.write_text(json.dumps(chosen), encoding="utf-8")
    found = tally(page, file)
    assert (found.run, found.other, found.same) == (18, 1, 1)
    assert found.share.value == pytest.approx(18.5 / 20)
    assert "preferred in 18 of 20 pairs, base + 4 shots in 1, neither in 1" in found.sentence


def test_choices_of_another_page_are_refused(tmp_path: Path) -> None:
    page, file = tmp_path / "page.html", tmp_path / "choices.json"
    with pytest.raises(ValueError, match="its key is missing"):
        tally(page, file)
    write_blind(page, answers(3), QUALITY)
    with pytest.raises(ValueError, match="cannot be read"):
        tally(page, file)
    for text, told in (
        ('{"9": "left", "1": "up"}', "pair '9' .*\n.*pair '1' is chosen as 'up'"),
        ("{}", "no pair was chosen"),
        ("[]", "holds no object"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=told):
            tally(page, file)
