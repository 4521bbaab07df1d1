"""Documents to windows: passages of bounded size that begin and end with sentences if they can."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.make.documents import Document

SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s+|\n+")


class Window(NamedTuple):
    document: str
    start: int
    """In characters of the document's text, as `end` is."""
    end: int
    text: str
    shared: int
    """How many of the first characters the window before holds as well."""

    @property
    def source(self) -> str:
        """Document and place: what rows of one window share, and a person finds the passage by."""
        return f"{self.document}:{self.start}-{self.end}"

    @property
    def own(self) -> str:
        return self.text[self.shared :]


class Span(NamedTuple):
    """The size of windows and what neighbours share: characters, or tokens of a tokenizer.json."""

    size: int
    overlap: int
    tokenizer: Path | None = None


def windows(documents: Sequence[Document], span: Span) -> list[Window]:
    """The windows of all documents, in their order. Raises ValueError for an unreadable tokenizer.

    Example:
        >>> text = "The bell is red. It hangs in Osk. A clock is there too."
        >>> [one.text for one in windows([Document("a.txt", text, False)], Span(34, 0))]
        ['The bell is red. It hangs in Osk.', 'A clock is there too.']
    """
    return [window for document in documents for window in _windows(document, span)]


def sentences(text: str) -> list[str]:
    """The sentences of a text, roughly: at full stops before space, CJK stops and line ends.

    Example:
        >>> sentences("It weighs 3.5 t. Who made it?  I did.")
        ['It weighs 3.5 t.', 'Who made it?', 'I did.']
    """
    return [part.strip() for part in SENTENCE_END.split(text) if part.strip()]


def _windows(document: Document, span: Span) -> Iterator[Window]:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    kind = MarkdownSplitter if document.markdown else TextSplitter
    if span.tokenizer is None:
        splitter = kind(span.size, span.overlap)
    else:
        splitter = kind.from_huggingface_tokenizer_file(
            str(span.tokenizer), span.size, span.overlap
        )
    before = 0
    for start, text in splitter.chunk_indices(document.text):
        end = start + len(text)
        yield Window(document.name, start, end, text, max(0, before - start))
        before = end
