"""The report's words: a catalogue for each language, all with the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from epochwise.record import flat

LANGUAGES = {"en": "English", "zh": "中文", "ja": "日本語"}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Words:
    """Texts by key, in one language."""

    code: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def count(self, number: int, noun: str) -> str:
        """`1 epoch`, `4 epochs`: languages without a plural have the same text twice."""
        return self(f"count.{noun}.{'one' if number == 1 else 'many'}", number=f"{number:,}")

    def axis(self, key: str) -> str:
        """The name of a dotted config key; one without a name in the catalogue keeps its own.

        A source of a mixture is named with what differs of it: `mine: weight`.
        """
        if key.startswith("data.sources."):
            source, _, part = key.removeprefix("data.sources.").rpartition(".")
            return f"{source}: {part}"
        return self.texts.get(f"axis.{key}", key.rpartition(".")[2].replace("_", " "))

    def kind(self, name: str) -> str:
        """A kind of question; those that users made keep their own name."""
        return self.texts.get(f"kind.{name}", name.replace("_", " "))

    def sure(self, probability: int | float) -> str:
        """Never quite certain, for the probability itself is estimated."""
        if probability > 0.99:
            return self("over", share="99 %")
        return f"{probability:.0%}".replace("%", " %")


@cache
def words(code: str = "en") -> Words:
    """The catalogue of one of `LANGUAGES`."""
    text = (HERE / f"{code}.yaml").read_text(encoding="utf-8")
    return Words(code, {key: str(value) for key, value in flat(yaml.safe_load(text)).items()})
