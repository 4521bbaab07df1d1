"""Plain text to rows: documents that a model learns to continue."""

from epochwise.data.fields import Fields
from epochwise.data.formats import Message, Row


def document(record: Fields) -> Row:
    said = (Message("text", record.text("text")),)
    return Row(said, source=record.optional("source"), kind=record.optional("kind"))
