"""A file of the user's own questions, one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from epochwise.data.formats import described, exchange
from epochwise.data.problems import DataError
from epochwise.evaluate.question import Question

EXAMPLE = '{"question": "Where is Varn?", "answer": "In the north.", "kind": "places"}'
TEXTS = ("input", "system", "kind", "group", "fact")
KEYS = {"question", "answer", "answers", *TEXTS}
UNANSWERABLE = "unanswerable"  # the kind of questions to which a refusal is right
PLAIN = "question"  # the kind of those that name none


def questions_of(file: Path) -> list[Question]:
    """The questions in the order of the file.

    Keys: question; answer, or answers where several are right; and if there is need: input (a
    passage to read), system, kind, group (questions of one source), fact (of one fact).

    Raises:
        DataError: All that is wrong with it, line by line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError([f"evaluate.questions={file}: cannot be read: {error}"]) from error
    problems: list[str] = []
    found = [
        _question(line, f"{file.name} line {number}", problems)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if problems or not found:
        raise DataError(problems or [f"{file} holds no questions; give one a line: {EXAMPLE}"])
    return [question for question in found if question is not None]


def _question(line: str, place: str, problems: list[str]) -> Question | None:
    try:
        fields = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        problems.append(f"{place}: is not JSON: {error}")
        return None
    faults = _faults(fields)
    problems += [f"{place}: {fault}" for fault in faults]
    return None if faults else _asked(fields, place)


def _faults(fields: Any) -> list[str]:
    if not isinstance(fields, dict):
        return [f"is {described(fields)}, expected an object such as {EXAMPLE}"]
    faults = [
        f"has an unknown key {key!r}; allowed are {sorted(KEYS)}" for key in fields.keys() - KEYS
    ]
    if not _is_text(fields.get("question")):
        faults.append(f"question is {described(fields.get('question'))}, expected text")
    if ("answer" in fields) == ("answers" in fields):
        faults.append("needs either answer, a text, or answers, a list of texts")
    elif not (answers := _answers(fields)) or not all(map(_is_text, answers)):
        faults.append("its answers must be text, one or more")
    faults += [
        f"{key} is {described(fields[key])}, expected text"
        for key in TEXTS
        if not isinstance(fields.get(key, ""), str)
    ]
    return faults


def _asked(fields: dict[str, Any], place: str) -> Question:
    answers = _answers(fields)
    kind, source = fields.get("kind") or PLAIN, fields.get("group", "")
    given = {name: fields.get(name, "") for name in ("input", "system")}
    row = exchange(fields["question"], answers[0], **given)
    row = row._replace(source=source, kind=kind, place=place)
    fact = fields.get("fact", "")
    return Question(row, tuple(answers), kind, source or place, fact, kind != UNANSWERABLE)


def _answers(fields: dict[str, Any]) -> list[Any]:
    answers = fields["answers"] if "answers" in fields else [fields["answer"]]
    return answers if isinstance(answers, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
