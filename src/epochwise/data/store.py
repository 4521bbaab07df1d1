"""Tokenised rows on disk, found again by their content.

An entry's name is a hash of all that decides its tokens, so it is never out of date. It serves
every smaller data.size as well, since subsets are beginnings of one order. It is mapped into
memory: all workers of a machine share one copy.
"""

import hashlib
import json
import logging
import os
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tokenizers
import transformers
from jaxtyping import Bool, Int32, Int64
from safetensors.numpy import save
from transformers import PreTrainedTokenizerBase

from epochwise.cache import cache_folder
from epochwise.config import DataConfig
from epochwise.data.rows import digest

CHECKSUM = "crc32"
DTYPES = {"BOOL": np.bool_, "I32": np.int32, "I64": np.int64}
log = logging.getLogger(__name__)


class Tokenised(NamedTuple):
    """Validation rows, then training rows; arrays of one split run parallel."""

    ids: Int32[np.ndarray, " tokens"]
    """Of all rows, one after the other."""
    ends: Int64[np.ndarray, " rows"]
    """Where the ids of each row end."""
    scored: Bool[np.ndarray, " tokens"]
    """Which of the ids carry loss."""
    digest: Int64[np.ndarray, " rows"]
    """The bits of `row_digests`: not every reader of safetensors knows unsigned numbers."""
    group: Int64[np.ndarray, " rows"]
    origin: Int64[np.ndarray, " rows"]
    """Of a mixture, the place of each row's source among data.sources; else 0."""
    counts: Int64[np.ndarray, "train counts"]
    """What had become of longer rows when this one was taken: `limit.Counts`."""


def entry(data: DataConfig, tokenizer: PreTrainedTokenizerBase) -> Path:
    """The file for the rows of `data`, at every size, as this tokenizer sees them."""
    settings = data.model_dump(mode="json", exclude={"name", "path", "size", "canaries"})
    content = [digest(data), settings, _seen(tokenizer), _code()]
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return cache_folder() / "tokens" / f"{key}.safetensors"


def stored(file: Path, *, size: int) -> Tokenised | None:
    """What `file` holds, if it is whole and has `size` training rows or more."""
    try:
        found, checksum = _mapped(file)
    except (OSError, ValueError, KeyError, TypeError):  # no such file, or none of ours
        return None
    intact = checksum == _checksum(found)
    return found if intact and len(found.counts) >= size else None


def store(file: Path, made: Tokenised) -> None:
    """Put `made` in the place of what was there, in one rename: readers see the old or the new."""
    content = save(made._asdict(), metadata={CHECKSUM: _checksum(made)})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=file.parent) as partial:
            (Path(partial) / file.name).write_bytes(content)
            os.replace(Path(partial) / file.name, file)
    except OSError as error:
        log.warning("tokenised rows are not kept, every run makes them anew: %s", error)


def _mapped(file: Path) -> tuple[Tokenised, str]:
    """The arrays where they lie in the file, and the checksum that they should have.

    By hand, as safetensors' own mapping opens a file twice, and between the two it may be replaced.
    """
    with file.open("rb") as content:
        start = 8 + int.from_bytes(content.read(8), "little")
        header = json.loads(content.read(start - 8))
        whole = np.memmap(content, mode="r")
    arrays = {}
    for name in Tokenised._fields:
        begin, end = header[name]["data_offsets"]
        flat: np.ndarray = whole[start + begin : start + end].view(DTYPES[header[name]["dtype"]])
        arrays[name] = flat.reshape(header[name]["shape"])
    if start + max(header[name]["data_offsets"][1] for name in arrays) != len(whole):
        raise ValueError(f"{file} holds more, or less, than its header says")
    return Tokenised(**arrays), header["__metadata__"][CHECKSUM]


def _checksum(tokenised: Tokenised) -> str:
    value = 0
    for array in tokenised:
        value = zlib.crc32(array.data, value)
    return f"{value:08x}"


def _seen(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """All of a tokenizer that has a say in the ids."""
    return [
        type(tokenizer).__name__,
        tokenizer.backend_tokenizer.to_str(),
        str(tokenizer.chat_template),
        json.dumps(tokenizer.special_tokens_map, default=str),
    ]


@cache
def _code() -> list[str]:
    """What turns rows into ids: these files and two libraries."""
    own = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    versions = [tokenizers.__version__, transformers.__version__]
    return [hashlib.sha256(own).hexdigest(), *versions]
