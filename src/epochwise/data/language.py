"""Which language a text is in, by py3langid.

Chosen for its size: 5 MB and numpy alone, where lingua takes 96 MB. Its models are npz, no pickle.
Few letters say little in any of them: short answers are not counted.
"""

import re
from functools import cache

KANA = re.compile("[぀-ヿㇰ-ㇿｦ-ﾟ]")
HAN = re.compile("[㐀-䶿一-鿿豈-﫿𠀀-𲎯]")

LETTERS = 20  # fewer tell no language; a word of five letters may be anything
SIGNS = 4  # of Chinese and Japanese, which say more each


def tells_language(text: str) -> bool:
    signs = len(HAN.findall(text)) + len(KANA.findall(text))
    return signs >= SIGNS or sum(char.isalpha() for char in text) >= LETTERS


def is_in_language_of(answer: str, reference: str) -> bool | None:
    """Whether the two are in one language; None where either is too short to tell."""
    if not (tells_language(answer) and tells_language(reference)):
        return None
    return language(answer) == language(reference)


@cache
def language(text: str) -> str:
    """ISO 639-1 code.

    Example:
        >>> language("The town of Varn lies on a river."), language("东京是日本的首都。")
        ('en', 'zh')
    """
    import py3langid  # type: ignore[import-untyped]

    return str(py3langid.classify(text)[0])
