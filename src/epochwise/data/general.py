"""Texts that have nothing to do with the rows: there it shows what a model forgets."""

from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from epochwise.data.problems import DataError
from epochwise.data.tokens import Example
from epochwise.world.corpus import documents
from epochwise.world.measure import HELD_OUT_SEED

SHIPPED = Path(__file__).with_name("general.txt")
WORLD = 32  # documents of the world's corpus
MOST = 256  # documents of a file: all are measured after every epoch


def general_examples(
    source: str | None, tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[Example]:
    """Each text's beginning, scored from its second token on; none for None.

    Raises:
        DataError: There is no such file, it is no text, or it holds none.
    """
    texts = [] if source is None else general_texts(source)
    cut = [tokenizer(text).input_ids[:max_tokens] for text in texts]
    return [_whole(ids) for ids in cut if len(ids) > 1]


def _whole(ids: list[int]) -> Example:
    scored = np.full(len(ids), True)
    scored[0] = False
    return Example(np.array(ids, np.int32), scored)


def general_texts(source: str) -> list[str]:
    if source == "world":
        return documents(WORLD, seed=HELD_OUT_SEED)
    file = SHIPPED if source == "texts" else Path(source)
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError([f"evaluate.general={source}: cannot be read as text: {error}"]) from error
    texts = [text.strip() for text in content.split("\n\n") if text.strip()]
    if not texts:
        raise DataError([f"evaluate.general={source}: holds no text, only white space"])
    return texts[:MOST]
