"""The rows of experiments/raw_or_questions: as its script writes them, and both arms alike."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from epochwise.evaluate.question_file import questions_of
from epochwise.world.facts import predicate

FOLDER = Path(__file__).parents[2] / "experiments" / "raw_or_questions"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rows", FOLDER / "rows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(name: str) -> list[dict[str, str]]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_files_are_as_written(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == sorted(file.name for file in FOLDER.glob("*.jsonl"))
    for name in names:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_both_arms_are_told_the_same_facts_and_split_alike(script: ModuleType) -> None:
    told, asked = lines("asked_documents.jsonl"), lines("asked_questions.jsonl")
    assert [row["source"] for row in told] == [row["source"] for row in asked]
    for one in script.cast()[: script.ASKED]:
        facts = {predicate(one, relation) for relation in one.facts}
        for rows, key in ((told, "text"), (asked, "output")):
            texts = " ".join(row[key] for row in rows if row["source"] == one.name)
            assert all(fact in texts for fact in facts)
    assert script.trained_on("asked_documents.jsonl") == script.trained_on("asked_questions.jsonl")


def test_the_exam_asks_of_trained_entities_in_words_of_both_kinds(script: ModuleType) -> None:
    trained = script.trained_on("asked_questions.jsonl")
    rows = {row["instruction"] for row in lines("asked_questions.jsonl")}
    kinds = {"trained": (True, True), "paraphrase": (True, False), "untrained": (False, True)}
    found = questions_of(FOLDER / "exam.jsonl")
    assert {question.kind for question in found} == set(kinds)
    for question in found:
        known, in_rows = kinds[question.kind]
        assert (question.group in trained) == known
        assert (question.row.question in rows) == in_rows
    assert not {row["source"] for row in lines("form_questions.jsonl")} & {q.group for q in found}
