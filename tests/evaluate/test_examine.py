import json
from pathlib import Path

import pytest
from settings import changed

from epochwise.config import Experiment
from epochwise.evaluate.exam import Ask, asked_by
from epochwise.evaluate.examine import Examiner, examination
from epochwise.quality import Quality, load_answers
from epochwise.record import Record, RowLosses
from epochwise.train.folder import load_experiment

FEW = Ask(limit=4, shots=1, max_new_tokens=12)


@pytest.fixture(scope="module")
def quality(study: Path) -> Quality:
    return Examiner(FEW).examine(study / "runs" / "two")


def test_a_run_stands_beside_its_base_with_and_without_examples(quality: Quality) -> None:
    assert list(quality.arms) == ["run", "base", "base + 1 shots"]
    for kinds in quality.arms.values():
        assert list(kinds)[-1] == "all"
        assert kinds["trained"]["exact"].n == 4
        assert kinds["paraphrase"]["exact"].n == 8
    assert quality.arms["run"]["trained"]["f1"].value > quality.arms["base"]["trained"]["f1"].value
    assert {gain.against for gain in quality.gains} == {"base", "base + 1 shots"}
    assert len(quality.sentences) == 1


def test_what_is_left_says_the_same_again(quality: Quality, run: Path) -> None:
    assert Quality.load(run) == quality
    answers = load_answers(run)
    assert list(dict.fromkeys(one.arm for one in answers)) == list(quality.arms)
    mine = [one for one in answers if one.arm == "run" and one.kind == "trained"]
    assert len(mine) == 4
    exact = sum(one.scores["exact"] for one in mine) / 4
    assert quality.arms["run"]["trained"]["exact"].value == exact


def test_bits_per_byte_are_the_losses_of_the_record(quality: Quality, run: Path) -> None:
    record, losses = Record.load(run / "record.json"), RowLosses.load(run / "rows.npz")
    nats = record.curve[-1].val * losses.val_tokens.sum()
    bits = quality.arms["run"]["all"]["bits_per_byte"].value
    size = nats / 0.6931471805599453 / bits
    assert size == pytest.approx(round(size), abs=1e-3)
    assert 24 * 10 < size < 24 * 60  # bytes of 24 answers of one sentence
    assert bits < quality.arms["base"]["all"]["bits_per_byte"].value


def test_the_same_questions_are_not_asked_twice(quality: Quality, run: Path) -> None:
    before = (run / "answers.jsonl").stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    again = Examiner(FEW, lambda *counts: told.append(counts)).examine(run)
    assert again == quality
    assert not told
    assert (run / "answers.jsonl").stat().st_mtime_ns == before


def test_other_questions_take_the_place_of_the_first(file_study: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.jsonl"
    file.write_text(json.dumps({"question": "Where is it?", "answer": "Here."}), encoding="utf-8")
    folder = file_study / "runs" / "one"
    told: list[tuple[int, int]] = []
    first = Examiner(Ask(limit=1, shots=0, max_new_tokens=4)).examine(folder)
    ask = Ask(questions=file, shots=2, max_new_tokens=4)
    second = Examiner(ask, lambda *counts: told.append(counts)).examine(folder)
    assert first.digest != second.digest
    assert list(second.arms) == ["run", "base", "base + 2 shots"]
    assert {one.question for one in load_answers(folder)} == {"Where is it?"}
    assert told[-1] == (3, 3)


def test_a_relative_file_of_the_config_is_found_from_another_folder(
    file_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = file_study / "runs" / "one" / "provenance.json"
    kept = origin.read_text(encoding="utf-8")
    origin.write_text(json.dumps(json.loads(kept) | {"folder": str(tmp_path)}), encoding="utf-8")
    (tmp_path / "my.jsonl").write_text('{"question": "Who?", "answer": "Me."}', encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ask = Ask(questions=Path("my.jsonl"), shots=0, max_new_tokens=4)
    Examiner(ask).examine(file_study / "runs" / "one")
    origin.write_text(kept, encoding="utf-8")
    assert load_answers(file_study / "runs" / "one")[0].question == "Who?"
    assert Path.cwd() == tmp_path / "elsewhere"


def test_the_base_is_asked_the_same_only_once(file_study: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.jsonl"
    file.write_text(json.dumps({"question": "Who is there?", "answer": "Me."}), encoding="utf-8")
    told: list[tuple[int, int]] = []
    ask = Ask(questions=file, shots=0, max_new_tokens=4)
    examiner = Examiner(ask, lambda *counts: told.append(counts))
    one, two = (examiner.examine(file_study / "runs" / run) for run in ("one", "two"))
    assert told == [(1, 2), (1, 2), (2, 2), (1, 2), (2, 2)]  # its base: first nothing was known
    assert one.arms["base"]["question"] == two.arms["base"]["question"]
    assert one.arms["run"] != two.arms["run"]


def test_changed_rows_are_refused(experiment: Experiment, tmp_path: Path) -> None:
    from epochwise.experiment import run_trunk

    rows = json.loads(Path(experiment.data.path).read_text(encoding="utf-8"))
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    run_trunk({"run": changed(experiment, {"data.path": str(file), "train.epochs": 1})}, tmp_path)
    file.write_text(json.dumps([{**row, "output": "Changed."} for row in rows]), encoding="utf-8")
    with pytest.raises(ValueError, match="rows are not those that the run was made with"):
        Examiner(FEW).examine(tmp_path / "runs" / "run")


def test_after_training_only_what_the_config_asks_for_is_done(file_study: Path) -> None:
    plain = load_experiment(file_study / "runs" / "one")
    assert asked_by(plain.evaluate) is None
    asks = changed(plain, {"evaluate.limit": 1, "evaluate.shots": 0, "evaluate.max_new_tokens": 4})
    assert asked_by(asks.evaluate) == Ask(limit=1, shots=0, max_new_tokens=4)
    run = file_study / "runs" / "two"
    Examiner(Ask(limit=1, shots=0, max_new_tokens=4)).examine(run)
    alive: list[None] = []
    examine = examination([plain, asks], lambda: alive.append(None))
    kept = (run / "quality.json").read_bytes()
    examine(run, plain)
    assert not alive
    assert (run / "quality.json").read_bytes() == kept
    examination([], lambda: alive.append(None))(file_study / "runs" / "one", asks)
    assert not alive  # nor where another process does it
    examine(file_study / "runs" / "one", asks)
    assert alive
    assert Quality.load(file_study / "runs" / "one").arms["run"]["trained"]["exact"].n == 1
