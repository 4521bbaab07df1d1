"""Rows over data.max_tokens made shorter: without the beginning of their prompt, or in parts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from epochwise.data.chat import chat, is_document
from epochwise.data.formats import Message, Row
from epochwise.data.render import Refused, rendered
from epochwise.data.spans import encoded
from epochwise.data.tokens import AT_ONCE, Example, Manner, ends, example, examples


class Part(NamedTuple):
    row: Row
    is_one: bool = False
    """Whether it is a part, and no row as it was."""
    goes_on: bool = False
    """Whether its text breaks off, to be continued by the next part."""


def shortened(
    row: Row, tokenizer: PreTrainedTokenizerBase, manner: Manner, *, longest: int
) -> Example | None:
    """The row's example in `longest` tokens; None where that cannot be.

    Earlier exchanges go first, the earliest before the others, each whole. If the last question
    alone is too long, it loses its beginning: of the input, where it has one apart. The system
    message and every answer that is learnt stay whole, so with data.turns=all only what stands
    before the first answer can go.
    """
    shorter: Row | None = row
    made = example(row, tokenizer, manner)
    while shorter is not None and len(made.ids) > longest:
        shorter = _shorter(shorter, tokenizer, manner, len(made.ids) - longest)
        made = example(shorter, tokenizer, manner) if shorter else made
    return made if shorter else None


def _shorter(row: Row, tokenizer: PreTrainedTokenizerBase, manner: Manner, over: int) -> Row | None:
    """The row without its first exchange, or without `over` tokens of its only question."""
    if is_document(row):
        return None
    first = chat(row, manner.turns).trained[0]
    asked = [n for n, said in enumerate(row.messages[:first]) if said.role == "user"]
    opening = row.messages[:1] if row.messages[0].role == "system" else ()
    if len(asked) > 1:
        return row._replace(messages=(*opening, *row.messages[asked[1] :]))
    if not asked:
        return None
    question = _without_beginning(row.messages[asked[0]], tokenizer, over)
    if question is None:
        return None
    return row._replace(
        messages=(*row.messages[: asked[0]], question, *row.messages[asked[0] + 1 :])
    )


def _without_beginning(
    said: Message, tokenizer: PreTrainedTokenizerBase, over: int
) -> Message | None:
    """The message without its first `over` tokens; None where so many would leave nothing."""
    text = said.input or said.content
    borders = token_ends(text, tokenizer)
    if over >= len(borders):
        return said._replace(input="") if said.input else None
    rest = text[max(borders[over - 1], 1) :]
    return said._replace(input=rest) if said.input else said._replace(content=rest)


def token_ends(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Where in the text each of its tokens ends."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [end for _, end in backend.encode(text, add_special_tokens=False).offsets]


def parts(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, manner: Manner, longest: int
) -> Iterator[Part]:
    """All rows, those over `longest` tokens in parts that share a source.

    Documents are cut between two tokens, conversations before a question; each part of one begins
    with its system message, and has an answer that is learnt.
    """
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        for row, made in zip(some, examples(some, tokenizer, manner), strict=True):
            if len(made.ids) <= longest:
                yield Part(row)
            elif is_document(row):
                yield from _numbered(row, _windows(row.answer, tokenizer, longest))
            else:
                yield from _numbered(row, _exchanges(row, tokenizer, manner, longest))


def _numbered(whole: Row, pieces: Iterable[Sequence[Message]]) -> list[Part]:
    source = whole.source or whole.place
    made = [
        whole._replace(
            messages=tuple(messages), source=source, place=f"{whole.place} part {number}"
        )
        for number, messages in enumerate(pieces, 1)
    ]
    return [Part(row, True, goes_on=is_document(row) and row is not made[-1]) for row in made]


def _windows(
    text: str, tokenizer: PreTrainedTokenizerBase, longest: int
) -> Iterator[tuple[Message]]:
    """Texts of at most `longest` tokens with what stands before and after them."""
    room = longest - sum(map(len, ends(tokenizer)))
    borders = [0, *token_ends(text, tokenizer)]
    borders[-1] = len(text)
    start, last = 0, len(borders) - 1
    while start < last:
        end = min(start + room, last)
        # Cut out, a text may take more tokens than it did where it stood.
        while len(token_ends(text[borders[start] : borders[end]], tokenizer)) > room:
            end -= 1
        yield (Message("text", text[borders[start] : borders[end]]),)
        start = end


def _exchanges(
    row: Row, tokenizer: PreTrainedTokenizerBase, manner: Manner, longest: int
) -> Iterator[Sequence[Message]]:
    """As many exchanges as have room, piece by piece; those with nothing to learn are left out."""
    opening = row.messages[:1] if row.messages[0].role == "system" else ()
    said = _learnt(row.messages, manner)[len(opening) :]
    borders = [n for n, message in enumerate(said) if message.role == "user" and n]
    start = end = 0
    pieces = []
    for border in [*borders, len(said)]:
        piece = row._replace(messages=(*opening, *said[start:border]))
        if _tokens(piece, tokenizer) > longest:
            pieces.append(said[start:end])
            start = end
        end = border
    for part in [*pieces, said[start:]]:
        if any(message.role == "assistant" and message.trained for message in part):
            yield (*opening, *part)


def _learnt(messages: Sequence[Message], manner: Manner) -> list[Message]:
    """The messages, marked as not to learn where the manner leaves them out."""
    if manner.turns == "all":
        return list(messages)
    last = max(n for n, said in enumerate(messages) if said.role == "assistant" and said.trained)
    return [
        said._replace(trained=n == last) if said.role == "assistant" else said
        for n, said in enumerate(messages)
    ]


def _tokens(row: Row, tokenizer: PreTrainedTokenizerBase) -> int:
    talk = chat(row, "all")
    (text,) = rendered([(talk.messages, talk.tools)], tokenizer, to_answer=False)
    return 0 if isinstance(text, Refused) else len(encoded(tokenizer, [text.rstrip()])[0])
