"""The examples of a data set under data.max_tokens, and what became of longer rows."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from transformers import PreTrainedTokenizerBase

from epochwise.config import DataConfig
from epochwise.data.formats import Row
from epochwise.data.functions import leaves_out_functions
from epochwise.data.kept import Kept
from epochwise.data.problems import DataError
from epochwise.data.shorten import parts, shortened
from epochwise.data.split import Split
from epochwise.data.tokens import Example, Manner, examples


class Counts(NamedTuple):
    """Rows that are not in use as they were."""

    dropped: int
    """Over data.max_tokens, and passed over."""
    truncated: int
    """Without the beginning of their prompt."""
    split: int
    """Part of a longer row."""
    unheard: int
    """With functions that the chat template leaves out."""

    @property
    def sentence(self) -> str:
        """What is not as it was.

        Example:
            >>> Counts(dropped=2, truncated=0, split=0, unheard=1).sentence
            '2 rows dropped as too long; 1 with functions that the chat template leaves out'
        """
        words = {
            "dropped as too long": self.dropped,
            "without the beginning of their prompt": self.truncated,
            "cut from a longer row": self.split,
            "with functions that the chat template leaves out": self.unheard,
        }
        said = [f"{count:,} {what}" for what, count in words.items() if count]
        first, *more = said or ["all"]
        number, _, what = first.partition(" ")
        return "; ".join([f"{number} rows {what or 'are in use as they are'}", *more])


NONE: Mapping[int, bool] = MappingProxyType({})


class Examples:
    """The examples of all rows, each made when first asked for and then kept."""

    def __init__(
        self,
        rows: Sequence[Row],
        tokenizer: PreTrainedTokenizerBase,
        config: DataConfig,
        parts: Mapping[int, bool] = NONE,
    ) -> None:
        """`parts`: places of rows that are part of a longer one, and whether it goes on there."""
        self.rows = rows
        self.tokenizer = tokenizer
        self.config = config
        self.parts = parts
        self.manner = Manner(config.train_on, config.turns)
        self.dropped = 0
        """Rows over data.max_tokens, of those asked for so far."""
        self.dropped_before: dict[int, int] = {}
        """The same, up to when each row that fits was last asked for."""
        self.truncated: set[int] = set()
        """Rows that lost the beginning of their prompt."""
        self.unheard: set[int] = set()
        """Rows with functions that the chat template leaves out."""
        self._made: dict[int, Example] = {}

    def fits(self, row: int) -> bool:
        """Whether the row may be used; over data.max_tokens it may not if such rows are dropped."""
        if self.config.too_long != "drop":
            return True
        new = row not in self._made
        self._make([row])
        fits = not self._is_too_long(row)
        self.dropped += new and not fits
        if fits:
            self.dropped_before[row] = self.dropped
        return fits

    def of(self, rows: Sequence[int]) -> list[Example]:
        """The examples of `rows`.

        Raises:
            DataError: Some are over data.max_tokens, and nothing was asked for that mends it.
        """
        self._make(rows)
        long = [row for row in rows if self._is_too_long(row)]
        if long:
            raise DataError([self._remedy(long), *(self._length(row) for row in long)])
        return [self._made[row] for row in rows]

    @property
    def marked(self) -> tuple[Collection[int], ...]:
        """Rows truncated, rows that are parts, rows with functions that are left out."""
        return self.truncated, self.parts, self.unheard

    def _make(self, rows: Sequence[int]) -> None:
        new = [row for row in dict.fromkeys(rows) if row not in self._made]
        unended = {place for place, row in enumerate(new) if self.parts.get(row, False)}
        chosen = [self.rows[row] for row in new]
        made = examples(chosen, self.tokenizer, self.manner, unended=unended)
        self._made |= zip(new, made, strict=True)
        self.unheard |= {row for row in new if self._is_unheard(row)}
        if self.config.too_long == "truncate_prompt":
            for row in filter(self._is_too_long, new):
                self._truncate(row)

    def _truncate(self, row: int) -> None:
        found = shortened(
            self.rows[row], self.tokenizer, self.manner, longest=self.config.max_tokens
        )
        if found is not None:
            self._made[row] = found
            self.truncated.add(row)

    def _is_unheard(self, row: int) -> bool:
        brings = self.rows[row].tools or any(said.calls for said in self.rows[row].messages)
        return bool(brings) and leaves_out_functions(self.rows[row], self.tokenizer)

    def _is_too_long(self, row: int) -> bool:
        return len(self._made[row].ids) > self.config.max_tokens

    def _length(self, row: int) -> str:
        return (
            f"{self.rows[row].place}: {len(self._made[row].ids)} tokens, over"
            f" data.max_tokens={self.config.max_tokens}"
        )

    def _remedy(self, long: Sequence[int]) -> str:
        longest = max(len(self._made[row].ids) for row in long)
        asked = self.config.too_long
        reason = {
            "error": "are too long",
            "truncate_prompt": "are too long without any of the prompt that may be cut",
            "split": "are too long in one exchange, which is not split",
        }[asked]
        other = "drop|truncate_prompt|split" if asked == "error" else "drop"
        return (
            f"{len(long)} rows {reason}: set data.max_tokens={longest} or more,"
            f" or data.too_long={other}"
        )


def limited(
    rows: Sequence[Row], tokenizer: PreTrainedTokenizerBase, config: DataConfig
) -> Examples:
    """The examples of `rows`; of their parts, if longer ones are to be split."""
    if config.too_long != "split":
        return Examples(rows, tokenizer, config)
    divided, places = Kept(), {}
    for part in parts(rows, tokenizer, Manner(config.train_on, config.turns), config.max_tokens):
        if part.is_one:
            places[len(divided)] = part.goes_on
        divided.append(part.row)
    return Examples(divided, tokenizer, config, places)


def counts(examples: Examples, parts: Split) -> Int64[np.ndarray, "train counts"]:
    """What became of the rows up to each training row, those of validation included."""
    taken = parts.val + parts.train
    marks = [[row in marked for marked in examples.marked] for row in taken]
    so_far = np.cumsum(np.array(marks, np.int64), axis=0)[len(parts.val) :]
    dropped = [examples.dropped_before.get(row, 0) for row in parts.train]
    return np.column_stack([np.array(dropped, np.int64), so_far])
