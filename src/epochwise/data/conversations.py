"""Published conversation formats to rows: Guanaco's marked text and OpenAssistant's trees."""

import math
import re
from collections.abc import Sequence

from epochwise.data.fields import Fields
from epochwise.data.formats import Record, Row, exchange

SPEAKER = re.compile(r"### (Human|Assistant):")
OASST = ("message_id", "parent_id", "role", "text")


def guanaco(record: Fields) -> Row | None:
    """The row of a text: its last answer to learn, what came before it as history.

    A question without an answer at the end is left off, as the published set has many. Texts that
    open with the same question come from one conversation tree, so the question is their source.
    """
    turns = _turns(record.text("text"))
    if turns:
        return _row(turns, source=turns[0][0], kind="")
    if not record.faults:
        expected = "'### Human: ... ### Assistant: ...' by turns, each with something said"
        record.note("text", f"is not {expected}: mend it or remove the row")
    return None


def _turns(text: str) -> list[tuple[str, str]]:
    """What was asked and answered, turn by turn; nothing where the marks do not alternate.

    Example:
        >>> _turns("### Human: Hi### Assistant: Hello!### Human: Bye")
        [('Hi', 'Hello!')]
    """
    before, *parts = SPEAKER.split(text)
    speakers, said = parts[::2], [part.strip() for part in parts[1::2]]
    expected = ["Human", "Assistant"] * len(speakers)
    if before.strip() or speakers != expected[: len(speakers)]:
        return []
    turns = list(zip(said[::2], said[1::2], strict=False))
    return turns if all(user and assistant for user, assistant in turns) else []


def oasst(records: Sequence[Record]) -> tuple[list[Row], list[str]]:
    """One row a question that was answered: its best-ranked answer, the path to it as history.

    The tree's first message is the source: two branches of one tree never part.
    """
    problems = _message_faults(records)
    if problems:
        return [], problems
    messages = {record.fields["message_id"]: record for record in records}
    best = _best_replies(records)
    rows: list[Row] = []
    for question, reply in best.items():
        path = _path(messages, reply)
        texts = [message.fields["text"] for message in path]
        if len(path) % 2:
            problems.append(
                f"{path[-1].place}: the messages before it do not take turns from a root"
            )
            continue
        turns = list(zip(texts[::2], texts[1::2], strict=True))
        root, language = path[0].fields["message_id"], path[0].fields.get("lang") or ""
        row = _row(turns, source=root, kind=language)
        rows.append(row._replace(place=messages[question].place))
    return rows, problems


def _message_faults(records: Sequence[Record]) -> list[str]:
    names = [record.fields.get("message_id") for record in records]
    known = {name for name in names if isinstance(name, str)}
    return [fault for record in records for fault in _faults_of(record, known)]


def _faults_of(record: Record, known: set[str]) -> list[str]:
    place, fields = record
    faults = [
        f"{place}: {name} is missing or empty"
        for name in ("message_id", "role", "text")
        if not isinstance(fields.get(name), str) or not fields[name].strip()
    ]
    if fields.get("role") not in ("prompter", "assistant"):
        faults.append(f"{place}: role is {fields.get('role')!r}, expected prompter or assistant")
    parent = fields.get("parent_id")
    if parent is not None and not (isinstance(parent, str) and parent in known):
        faults.append(f"{place}: parent_id {parent!r} is no message of this data")
    return faults


def _best_replies(records: Sequence[Record]) -> dict[str, Record]:
    """For each answered question its best-ranked answer: 0 is best; the first where ranks tie."""
    best: dict[str, Record] = {}
    for record in records:
        parent = record.fields.get("parent_id")
        if record.fields["role"] == "assistant" and parent is not None:
            best[parent] = min(best.get(parent, record), record, key=_rank)
    return best


def _rank(record: Record) -> float:
    """Replies that nobody ranked (null, or NaN where a table holds them) come last."""
    rank = record.fields.get("rank")
    return math.inf if rank is None or math.isnan(rank) else float(rank)


def _path(messages: dict[str, Record], last: Record) -> list[Record]:
    """From the root to `last`; cut to one message where the roles do not alternate or it loops."""
    path = [last]
    while (parent := path[0].fields.get("parent_id")) is not None:
        before = messages[parent]
        if before.fields["role"] == path[0].fields["role"] or len(path) > len(messages):
            return [last]
        path.insert(0, before)
    return path


def _row(turns: list[tuple[str, str]], *, source: str, kind: str) -> Row:
    (question, answer) = turns[-1]
    row = exchange(question, answer, history=turns[:-1])
    return row._replace(source=source, kind=kind)
