"""Rows as the model sees them: token by token, and which of them carry loss."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tokenizers.decoders import DecodeStream
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.limit import Counts, Examples, counts, limited
from epochwise.data.rows import kept
from epochwise.data.split import split_for
from epochwise.data.tokens import Example

TEMPLATE = "show.html.jinja"
# What would move the cursor, or begin a command to the terminal, as the picture of itself.
VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
VISIBLE |= {127: 0x2421} | dict.fromkeys(range(128, 160), 0xFFFD)
MARK = '<meta name="generator" content="epochwise data show">'


class Piece(NamedTuple):
    """A token as text; several, where one alone is no whole character."""

    text: str
    scored: bool
    control: bool
    """Whether it is a token of the template's, and no text."""
    ids: tuple[int, ...]


class ShownRow(NamedTuple):
    place: str
    pieces: tuple[Piece, ...]
    tokens: int
    scored: int
    note: str
    """What became of a row that was too long; empty for one that is as it was."""


class Total(NamedTuple):
    """One split in numbers."""

    split: str
    rows: int
    tokens: int
    scored: int
    longest: int


class Shown(NamedTuple):
    rows: tuple[ShownRow, ...]
    """The first training rows."""
    totals: tuple[Total, ...]
    counts: Counts


def shown(data: DataConfig, tokenizer: PreTrainedTokenizerBase, count: int) -> Shown:
    """The first `count` training rows, and all rows in numbers, as a run with `data` has them.

    Raises:
        DataError: What is wrong with the rows.
        ValueError: There are too few.
    """
    examples = limited(kept(data), tokenizer, data)
    parts = split_for(data, examples.rows, examples.fits)
    made = examples.of(parts.val + parts.train)
    val, train = made[: len(parts.val)], made[len(parts.val) :]
    first = zip(parts.train[:count], train, strict=False)
    return Shown(
        rows=tuple(_row(row, example, examples) for row, example in first),
        totals=(_total("training", train), _total("validation", val)),
        counts=Counts(*counts(examples, parts)[-1].tolist()),
    )


def pieces(example: Example, tokenizer: PreTrainedTokenizerBase) -> Iterator[Piece]:
    """The tokens as text, in order; put together they are the text, its control codes visible."""
    stream = DecodeStream(skip_special_tokens=False)
    control = tokenizer.added_tokens_decoder
    waiting: list[int] = []
    for token, scored in zip(example.ids.tolist(), example.scored.tolist(), strict=True):
        waiting.append(token)
        text = stream.step(tokenizer.backend_tokenizer, token)
        if text is not None:
            yield Piece(text.translate(VISIBLE), scored, token in control, tuple(waiting))
            waiting = []
    if waiting:
        text = str(tokenizer.decode(waiting)).translate(VISIBLE)
        yield Piece(text, bool(example.scored[-1]), waiting[-1] in control, tuple(waiting))


def stretches(row: ShownRow) -> list[tuple[bool, list[Piece]]]:
    """The pieces of a row, by stretches that do or do not carry loss."""
    return [(key, list(same)) for key, same in groupby(row.pieces, lambda piece: piece.scored)]


def write_page(file: Path, found: Shown, title: str) -> None:
    """Write a page that needs no other file.

    Raises:
        ValueError: There is a file that is no such page, or none can be written there.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(TEMPLATE).render(found=found, title=title)
    try:
        if file.exists() and MARK not in file.read_text(encoding="utf-8", errors="replace"):
            raise ValueError(f"--html {file}: is there, and no page of this command: name another")
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"--html {file}: cannot be written: {error.strerror}") from error


def _row(row: int, example: Example, examples: Examples) -> ShownRow:
    return ShownRow(
        place=examples.rows[row].place,
        pieces=tuple(pieces(example, examples.tokenizer)),
        tokens=len(example.ids),
        scored=example.tokens,
        note="its prompt has lost its beginning" if row in examples.truncated else "",
    )


def _total(name: str, examples: Sequence[Example]) -> Total:
    return Total(
        split=name,
        rows=len(examples),
        tokens=sum(len(example.ids) for example in examples),
        scored=sum(example.tokens for example in examples),
        longest=max(len(example.ids) for example in examples),
    )
