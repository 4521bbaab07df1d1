"""Texts as scores compare them: what differs only in writing is the same."""

import re
import unicodedata

from epochwise.data.language import HAN, KANA

ARTICLES = re.compile(r"\b(a|an|the)\b")
# Written without spaces: each character counts as a word. Kana and Han, with their extensions.
UNSPACED = "぀-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𲎯"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")


def normalised(text: str) -> str:
    """SQuAD's normalisation (arXiv 1606.05250): lower case, no punctuation, no articles.

    Punctuation is Unicode's, so that Chinese and Japanese marks go too.

    Example:
        >>> normalised("The  town's name: Varn."), normalised("東京です。")
        ('towns name varn', '東京です')
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(char for char in plain if not unicodedata.category(char).startswith("P"))
    return " ".join(ARTICLES.sub(" ", kept).split())


def tokens(text: str) -> list[str]:
    """Words in lower case; characters where a language writes no spaces.

    On ASCII these are rouge-score's own tokens, but for the underscore.

    Example:
        >>> tokens("It's 東京, GPT-4"), tokens("ラーメン")
        (['it', 's', '東', '京', 'gpt', '4'], ['ラ', 'ー', 'メ', 'ン'])
    """
    return WORD.findall(text.lower())


def script(text: str) -> str:
    """`ja` for text with kana, `zh` for other text with Han characters, else empty.

    Example:
        >>> script("東京です"), script("东京"), script("Tokyo")
        ('ja', 'zh', '')
    """
    if KANA.search(text):
        return "ja"
    return "zh" if HAN.search(text) else ""
