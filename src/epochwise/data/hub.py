"""Published data sets to records: of the Hugging Face hub, and of ModelScope."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from epochwise.data.formats import Record
from epochwise.data.problems import DataError

PREFIX = "hub:"
MODELSCOPE = "modelscope:"
ADDRESS = re.compile(r"(?:hub|modelscope):([\w.-]+/[\w.-]+)(?:/([\w.-]+))?(?:@([\w./-]+))?")


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
        site = path.partition(":")[0]
        raise DataError([f"got data.path={path}, expected {site}:OWNER/NAME[/SUBSET][@REVISION]"])
    return Address(match[1], match[2], match[3])


def is_published(path: str) -> bool:
    return path.startswith((PREFIX, MODELSCOPE))


def records(path: str) -> Iterator[Record]:
    """Every record of the set's `train` split; downloaded once, then read from the cache."""
    where = address(path)
    table = _of_modelscope(path, where) if path.startswith(MODELSCOPE) else _of_hub(path, where)
    if not len(table):
        raise DataError([f"data.path={path} holds no rows"])
    return (Record(f"{where.name} row {number}", fields) for number, fields in enumerate(table, 1))


def _of_hub(path: str, where: Address) -> Any:
    return _table(path, where, "huggingface.co", where.name, revision=where.revision)


def _of_modelscope(path: str, where: Address) -> Any:
    """Its client fetches the files, and `datasets` reads them: the client's own reader pins an
    older `datasets`, and puts its own code into it.
    """
    try:
        from modelscope.hub.snapshot_download import dataset_snapshot_download
    except ImportError as error:
        raise DataError(
            [
                f"data.path={path} needs ModelScope's client, which is not installed:"
                " pip install modelscope, or use your own file: data=file data.path=my.jsonl"
            ]
        ) from error
    try:
        folder = dataset_snapshot_download(where.name, revision=where.revision)
    except Exception as error:  # its client raises errors of many libraries
        raise DataError([_unreachable(path, error, "modelscope.cn")]) from error
    return _table(path, where, "modelscope.cn", folder)


def _table(
    path: str, where: Address, host: str, source: str, *, revision: str | None = None
) -> Any:
    import datasets

    try:
        return datasets.load_dataset(source, where.subset, revision=revision, split="train")
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError([_unreachable(path, error, host)]) from error


def _unreachable(path: str, error: Exception, host: str) -> str:
    return (
        f"data.path={path} could not be loaded: {error}. Check the name, and that this"
        f" machine reaches {host}; where it does not, use your own file:"
        " data=file data.path=my.jsonl"
    )
