"""A self-contained page: opens offline, loads nothing, runs no script but our own."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from epochwise.record import JSON, finite
from epochwise.report.figure.style import COLOURS
from epochwise.report.language import Words

HERE = Path(__file__).parent / "template"
PLOTLY = Path(__file__).parent / "plotly" / "plotly-cartesian.min.js"


def html(template: str, figures: Mapping[str, JSON], words: Words, values: JSON) -> str:
    """The page of a template.

    Args:
        template: A file of template/ without its endings.
        figures: By the names at which the page has places for them.
        values: What the template names.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "duration": partial(duration, words=words),
        "sure": words.sure,
    }
    environment.globals["t"] = words
    scripts = [PLOTLY.read_text(encoding="utf-8"), _text("page.js")] if figures else []
    scripts = scripts or [_text("page.js")]
    return environment.get_template(f"{template}.html.jinja").render(
        values,
        drawn=finite(dict(figures)),
        colours=COLOURS,
        policy=_policy(scripts),
        scripts=[Markup(script) for script in scripts],  # plotly's and ours: no data in them
        style=Markup(_text("page.css")),
    )


def publish(path: Path, text: str) -> Path:
    """Put the page there in one rename: a reader never sees half of it."""
    partial_file = path.with_name(f".{path.name}.partial")
    partial_file.write_text(text, encoding="utf-8")
    return partial_file.replace(path)


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )


def number(value: int | float | None, digits: int = 4) -> str:
    """Digits grouped by thousands; what is not finite says so.

    >>> number(12345, 0), number(1.23456), number(None)
    ('12,345', '1.2346', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def duration(seconds: int | float, words: Words) -> str:
    """Two units are enough.

    >>> from epochwise.report.language import words
    >>> [duration(seconds, words("en")) for seconds in (5.25, 125, 7300)]
    ['5.2 s', '2 min 5 s', '2 h 1 min']
    """
    s, minute, h = (words(f"unit.{name}") for name in ("second", "minute", "hour"))
    if seconds < 60:
        return f"{seconds:.1f} {s}"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} {minute} {rest} {s}"
    return f"{minutes // 60} {h} {minutes % 60} {minute}"
