"""Which format records are in: what the config says, or what their columns tell."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from epochwise.data.alpaca import alpaca
from epochwise.data.conversations import OASST, SPEAKER, guanaco
from epochwise.data.dialogue import LISTS, dialogue
from epochwise.data.documents import document
from epochwise.data.fields import Fields
from epochwise.data.formats import Record, Row, columns
from epochwise.data.pairs import completion, preference
from epochwise.data.problems import DataError, nearest

Read = Callable[[Fields], Row | None]


class Format(NamedTuple):
    needs: tuple[tuple[str, ...], ...]
    """Columns, each with the other names that it goes by."""
    read: Read | None
    """None for one whose rows are made of several records."""


FORMATS: dict[str, Format] = {  # as auto tries them: what stands first explains the rest
    "preference": Format((("chosen",), ("rejected",)), preference),
    "oasst": Format(tuple((name,) for name in OASST), None),
    "openai": Format((("messages",),), dialogue),
    "sharegpt": Format((("conversations", "conversation"),), dialogue),
    "prompt_completion": Format((("prompt",), ("completion",)), completion),
    "alpaca": Format((("instruction",), ("output",)), alpaca),
    "guanaco": Format((("text",),), guanaco),
    "text": Format((("text",),), document),
}
ALONE = ("preference", "oasst")  # have the columns of others too
BESIDE = ("guanaco", "text")  # others come with a `text` that says the same once more
MORE = ("input", "system", "history", "source", "kind", "tools", "role", "content")
COLUMNS = tuple(
    dict.fromkeys([*(names[0] for form in FORMATS.values() for names in form.needs[:2]), *MORE])
)
"""Our names, which a mapping gives to other columns."""
READ_IF_THERE = {
    "alpaca": ("input", "system", "history"),
    "sharegpt": ("system", "tools"),
    "openai": ("system", "tools"),
}
TYPO = 0.85  # likeness of two column names from which one is taken for a misspelling of the other
LIKELY = {  # names that others give to what Alpaca calls instruction and output
    "instruction": ("question", "query", "prompt", "problem", "input", "user"),
    "output": ("answer", "response", "completion", "solution", "target", "assistant"),
}


class Reading(NamedTuple):
    """How records become rows."""

    form: str
    names: dict[str, str]
    """Our names of columns to theirs."""

    @property
    def read(self) -> Read | None:
        return FORMATS[self.form].read


def reading(records: Sequence[Record], form: str | dict[str, str], where: str) -> Reading:
    """The reading that fits these records, which may be the first of many.

    Raises:
        DataError: The columns fit no format, or several, or not the one that was named.
    """
    found = columns(records)
    names = form if isinstance(form, dict) else {}
    faults = _mapping_faults(found, names)
    if faults:
        raise DataError([f"{where}: {fault}" for fault in faults])
    ours = [*found, *names]
    if isinstance(form, str) and form != "auto":
        chosen = form
    else:
        chosen = _recognised(ours, records, names, where)
    if faults := _missing(chosen, ours, found, is_named=form == chosen):
        raise DataError([f"{where}: {fault}" for fault in faults])
    return Reading(chosen, names | _dialogue_column(names, found))


def ignored(found: Sequence[str], how: Reading) -> list[str]:
    """Optional columns that are there under a misspelt name, and would silently not be read."""
    expected = READ_IF_THERE.get(how.form, ())
    free = set(found) - set(how.names.values()) - {*expected, *COLUMNS}
    likely = {
        ours: get_close_matches(ours, free, 1, TYPO)
        for ours in expected
        if ours not in found and ours not in how.names
    }
    return [
        f"column {close[0]!r} would not be read; if it is the {ours}, call it {ours!r} or set"
        f" 'data.format={{{ours}: {close[0]}}}'; if not, call it something else"
        for ours, close in likely.items()
        if close
    ]


def _dialogue_column(names: dict[str, str], found: Sequence[str]) -> dict[str, str]:
    """Where the dialogue stands, whatever it is called."""
    for column in LISTS:
        if column in names or column in found:
            return {LISTS[0]: names.get(column, column)}
    return {}


def _fits(form: str, ours: Sequence[str]) -> bool:
    return all(any(name in ours for name in names) for names in FORMATS[form].needs)


def _recognised(
    ours: Sequence[str], records: Sequence[Record], names: dict[str, str], where: str
) -> str:
    fitting = [form for form in FORMATS if _fits(form, ours)]
    for form in ALONE:
        if form in fitting:
            return form
    whole = [form for form in fitting if form not in BESIDE]
    if len(whole) == 1:
        return whole[0]
    if whole:
        raise DataError(
            [
                f"{where}: the columns {list(ours)} fit several formats; say which is meant:"
                f" data.format={'|'.join(whole)}"
            ]
        )
    if fitting:
        return "guanaco" if _is_marked(records, names.get("text", "text")) else "text"
    if names or "instruction" in ours or "output" in ours:
        return "alpaca"  # whose missing column is then told
    raise DataError([_unknown(ours, where)])


def _is_marked(records: Sequence[Record], name: str) -> bool:
    first = records[0].fields.get(name)
    return isinstance(first, str) and len(SPEAKER.findall(first)) > 1


def _unknown(found: Sequence[str], where: str) -> str:
    known = "; ".join(
        f"{form}: {', '.join(names[0] for names in FORMATS[form].needs)}"
        for form in FORMATS
        if form != "guanaco"
    )
    likely = {
        ours: next((name for name in names if name in found), None)
        for ours, names in LIKELY.items()
    }
    meant = ", ".join(f"{ours}: {theirs or 'THEIRS'}" for ours, theirs in likely.items())
    return (
        f"{where}: the columns {list(found)} are of no format that is known ({known})."
        f" Rename them, or say what they are: 'data.format={{{meant}}}'"
    )


def _mapping_faults(found: Sequence[str], names: dict[str, str]) -> list[str]:
    faults = [
        f"data.format names {ours!r}, which is none of {list(COLUMNS)}{nearest(ours, COLUMNS)}"
        for ours in names
        if ours not in COLUMNS
    ]
    return faults + [
        f"data.format reads {ours!r} from column {theirs!r}, but the columns are {list(found)}"
        f"{nearest(theirs, found)}"
        for ours, theirs in names.items()
        if theirs not in found and ours not in ("role", "content")
    ]


def _missing(form: str, ours: Sequence[str], found: Sequence[str], *, is_named: bool) -> list[str]:
    absent = [names[0] for names in FORMATS[form].needs if not any(name in ours for name in names)]
    if form == "oasst" and absent:
        return [f"data.format=oasst needs the columns {absent}; the columns are {list(found)}"]
    why = f"data.format={form} needs it; " if is_named and form != "alpaca" else ""
    return [
        f"column {name!r} is missing; {why}the columns are {list(found)}{nearest(name, found)}"
        f". Name the right one with 'data.format={{{name}: THEIRS}}'"
        for name in absent
    ]
