"""Alpaca's columns to rows: instruction and output, and what may belong to them."""

from epochwise.data.fields import Fields, parsed
from epochwise.data.formats import Row, described, exchange


def alpaca(record: Fields) -> Row:
    row = exchange(
        record.text("instruction"),
        record.text("output"),
        input=record.optional("input"),
        system=record.optional("system"),
        history=_history(record),
    )
    return row._replace(source=record.optional("source"), kind=record.optional("kind"))


def _history(record: Fields) -> list[tuple[str, str]]:
    if not (turns := record.value("history")):
        return []
    turns = parsed(turns)
    if not isinstance(turns, list):
        fault = f"is {described(turns)}, expected a list of [user, assistant] pairs"
        record.note("history", fault)
        return []
    for number, turn in enumerate(turns, 1):
        if not _is_exchange(turn):
            fault = (
                f"turn {number} is {described(turn)}, expected [user, assistant], both with text"
            )
            record.note("history", fault)
            return []
    said = [record.said("history", text) for turn in turns for text in turn]
    return list(zip(said[::2], said[1::2], strict=True))


def _is_exchange(turn: object) -> bool:
    return (
        isinstance(turn, list)
        and len(turn) == 2
        and all(isinstance(text, str) and text.strip() for text in turn)
    )
