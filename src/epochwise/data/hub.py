"""A data set of the Hugging Face hub to records."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from epochwise.data.formats import Record
from epochwise.data.problems import DataError

PREFIX = "hub:"
ADDRESS = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:/([\w.-]+))?(?:@([\w./-]+))?")


class Address(NamedTuple):
    name: str
    subset: str | None
    revision: str | None


def address(path: str) -> Address:
    """The parts of `hub:OWNER/NAME[/SUBSET][@REVISION]`.

    Example:
        >>> address("hub:openai/gsm8k/main@e53f048")
        Address(name='openai/gsm8k', subset='main', revision='e53f048')
    """
    match = ADDRESS.fullmatch(path)
    if match is None:
        raise DataError([f"got data.path={path}, expected hub:OWNER/NAME[/SUBSET][@REVISION]"])
    return Address(match[1], match[2], match[3])


def records(path: str) -> Iterator[Record]:
    """Every record of the set's `train` split; downloaded once, then read from the cache."""
    name, subset, revision = address(path)
    import datasets

    try:
        table = datasets.load_dataset(name, subset, revision=revision, split="train")
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            [
                f"data.path={path} could not be loaded: {error}. Check the name, and that this"
                " machine reaches huggingface.co; where it does not, use your own file:"
                " data=file data.path=my.jsonl"
            ]
        ) from error
    if not len(table):
        raise DataError([f"data.path={path} holds no rows"])
    return (Record(f"{name} row {number}", fields) for number, fields in enumerate(table, 1))
