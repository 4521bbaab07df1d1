"""What the model is asked, from a file that the user may edit."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from epochwise.make.reply import Form

SECTION = re.compile(r"^## (\w+)[ \t]*$", re.MULTILINE)
FIELD = re.compile(r"\{(\w+)\}")
FIELDS = {
    "pairs": {"count", "language", "source", "passage"},
    "paraphrases": {"count", "language", "questions"},
    "unanswerable": {"count", "language", "source", "passage"},
    "check": {"questions", "passage"},
    "rows": {"count", "language", "examples", "bad"},
}
NEEDED = {
    "pairs": {"passage"},
    "paraphrases": {"questions"},
    "unanswerable": {"passage"},
    "check": {"questions", "passage"},
    "rows": {"examples"},
}
OF_BUILD = ("pairs", "paraphrases", "unanswerable", "check")
LANGUAGES = {
    **{"ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek"},
    **{"en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French", "he": "Hebrew"},
    **{"hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese"},
    **{"ko": "Korean", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish"},
    **{"pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai"},
    **{"tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese"},
}

Prompts = Mapping[str, str]


def shipped(command: Literal["build", "grow"], form: Form) -> Path:
    return Path(__file__).with_name(f"{command}.{form}.md")


def read_prompts(file: Path, needed: tuple[str, ...] = OF_BUILD) -> Prompts:
    """The text under each heading `## NAME`.

    Raises:
        ValueError: All that is wrong with the file.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--prompt {file}: cannot be read: {error}") from error
    _, *parts = SECTION.split(text)
    found = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    faults = [f"the heading `## {name}` is missing" for name in needed if name not in found]
    faults += [fault for name, body in found.items() for fault in _faults(name, body, needed)]
    if faults:
        raise ValueError("\n  ".join([f"--prompt {file}:", *faults]))
    return found


def filled(template: str, fields: Mapping[str, object]) -> str:
    """The template with its fields put in, in one pass: braces of a passage stay as they are.

    Example:
        >>> filled('{count} of {passage}: {"a": 1}', {"count": 2, "passage": "{count}"})
        '2 of {count}: {"a": 1}'
    """
    return FIELD.sub(lambda match: str(fields.get(match[1], match[0])), template)


def language_name(code: str) -> str:
    return LANGUAGES.get(code, f"the language with the code {code}")


def _faults(name: str, body: str, needed: tuple[str, ...]) -> list[str]:
    if name not in needed:
        return [f"`## {name}` is none of its headings: {', '.join(needed)}"]
    there = set(FIELD.findall(body))
    lacking = [f"`## {name}` needs {{{field}}}" for field in sorted(NEEDED[name] - there)]
    known = ", ".join(f"{{{field}}}" for field in sorted(FIELDS[name]))
    unknown = sorted(there - FIELDS[name])
    return lacking + [f"`## {name}`: {{{one}}} is no field; known are {known}" for one in unknown]
