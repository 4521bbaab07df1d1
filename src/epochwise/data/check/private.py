"""Keys, e-mail addresses and telephone numbers in texts: counted, and never shown."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Prefixes as their issuers document them. Each begins with a plain text that is looked for first,
# as a search by pattern takes fifty times as long.
KEYS = {
    "sk-": r"\bsk-[A-Za-z0-9_-]{20,}",
    "sk_": r"\b[sr]k_live_[A-Za-z0-9]{16,}",
    "gh": r"\bgh[pousr]_[A-Za-z0-9]{36,}",
    "github_pat_": r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    "glpat-": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "AIza": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "hf_": r"\bhf_[A-Za-z0-9]{30,}\b",
    "xox": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "eyJ": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",  # JWT
}
PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
ASSIGNED = re.compile(
    r"(?i)\b(?:api[_-]?key|secret|token|passw(?:or)?d|access[_-]?key)[\w-]{0,20}['\"]?"
    r"\s{0,3}[:=]\s{0,3}['\"]?([A-Za-z0-9+/_.~-]{16,})"
)
HINTS = ("key", "secret", "token", "passw")
EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
# With a country's prefix, or grouped as numbers are in North America and many other places.
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-])"
)
PHONE_DIGITS = range(9, 16)  # E.164 allows 15 at most
RANDOM = 3.0  # bits a sign: `sk-xxxxxxxxxxxxxxxxxxxx` and `YOUR_API_KEY_HERE` are no keys
_KEYS = {prefix: re.compile(pattern) for prefix, pattern in KEYS.items()}


class Found(NamedTuple):
    kind: str
    """`key`, `e-mail address`, or `telephone number`."""
    start: int
    end: int


def private(text: str) -> list[Found]:
    """What looks private, in the order of the text; nothing overlaps.

    Example:
        >>> [found.kind for found in private("write to ann@example.org or +44 20 7946 0958")]
        ['e-mail address', 'telephone number']
    """
    found = [*_keys(text), *_assigned(text), *_emails(text), *_phones(text)]
    kept: list[Found] = []
    for each in sorted(found, key=lambda found: (found.start, -found.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def kinds(texts: Iterable[str]) -> Counter[str]:
    return Counter(found.kind for text in texts for found in private(text))


def redacted(text: str) -> str:
    """With `[key]` and the like in the place of what looks private.

    Example:
        >>> redacted("aws: AKIAIOSFODNN7EXAMPLE.")
        'aws: [key].'
    """
    for found in reversed(private(text)):
        text = f"{text[: found.start]}[{found.kind}]{text[found.end :]}"
    return text


def _keys(text: str) -> Iterator[Found]:
    patterns = [pattern for prefix, pattern in _KEYS.items() if prefix in text]
    matches = (match for pattern in patterns for match in pattern.finditer(text))
    yield from (Found("key", *match.span()) for match in matches if entropy(match[0]) >= RANDOM)
    if "-----BEGIN" in text:
        yield from (Found("key", *match.span()) for match in PEM.finditer(text))


def _assigned(text: str) -> Iterator[Found]:
    """What is called a key, and looks random with a digit in it."""
    lower = text.casefold() if "=" in text or ":" in text else ""
    for match in ASSIGNED.finditer(text) if any(hint in lower for hint in HINTS) else ():
        if entropy(match[1]) >= RANDOM and any(map(str.isdigit, match[1])):
            yield Found("key", *match.span(1))


def _emails(text: str) -> Iterator[Found]:
    if "@" in text:
        yield from (Found("e-mail address", *match.span()) for match in EMAIL.finditer(text))


def _phones(text: str) -> Iterator[Found]:
    for match in PHONE.finditer(text):
        if sum(map(str.isdigit, match[0])) in PHONE_DIGITS:
            yield Found("telephone number", *match.span())


def entropy(text: str) -> float:
    """Bits a sign, by how often each occurs (Shannon 1948).

    >>> entropy("abab"), entropy("aaaa")
    (1.0, 0.0)
    """
    shares = [count / len(text) for count in Counter(text).values()]
    return sum((share * math.log2(1 / share) for share in shares), 0.0)
