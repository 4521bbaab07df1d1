"""The report as one page that opens offline, loads nothing and runs no script."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from epochwise.data.check.finding import SEVERITIES, Finding, shown, worst
from epochwise.data.check.lengths import Histogram
from epochwise.data.check.report import Report
from epochwise.data.check.terminal import large, token_sentences

HERE = Path(__file__).parent
MADE_BY = '<meta name="generator" content="epochwise data check">'
WIDTH, HEIGHT = 480, 120  # of a histogram's drawing, which the page scales
TICKS = 6  # bars between two numbers under them


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    title: str


class Drawing(NamedTuple):
    bars: list[Bar]
    ticks: list[tuple[float, int]]
    """Where an edge stands, and its tokens."""
    last: int
    """Tokens from which the last bar counts."""


class Share(NamedTuple):
    name: str
    share: float


def fault(out: Path) -> str:
    """Why no page can be written to OUT; empty where it can: also over an older page of ours."""
    if not out.parent.is_dir():
        return f"--html {out}: there is no folder {out.parent}"
    if out.is_dir():
        return f"--html {out}: is a folder; give a name for the page"
    if out.is_file() and MADE_BY.encode() not in out.read_bytes():
        return f"--html {out}: is there already, and no page of this command; give another name"
    return ""


def write_page(out: Path, report: Report) -> Path:
    """Raises ValueError where it cannot be written."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_text(page(report), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise ValueError(f"--html {out}: cannot be written: {error.strerror}") from error
    return out


def page(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["shown"] = shown
    found = [each for each in report.findings if each.count]
    return environment.get_template("page.html.jinja").render(
        report=report,
        found=sorted(found, key=lambda each: SEVERITIES.index(each.severity)),
        absent=[each for each in report.findings if not each.count],
        counts={name: _of(found, name) for name in SEVERITIES},
        worst=worst(report.findings),
        lengths={
            "prompt": _drawing(report.prompt_tokens),
            "answer": _drawing(report.answer_tokens),
        },
        shares={name: _shares(counts) for name, counts in _counts(report).items() if large(counts)},
        sentences=token_sentences(report.tokens),
        size=(WIDTH, HEIGHT),
        made_by=Markup(MADE_BY),
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
    )


def _counts(report: Report) -> dict[str, dict[str, int]]:
    return {"languages": report.languages, "kinds": report.kinds, "sources": report.sources}


def _of(findings: list[Finding], severity: str) -> int:
    return sum(each.severity == severity for each in findings)


def _drawing(histogram: Histogram) -> Drawing:
    width = WIDTH / len(histogram.edges)
    ticks = [(place * width, edge) for place, edge in enumerate(histogram.edges)]
    return Drawing(_bars(histogram), ticks[::TICKS], histogram.edges[-1])


def _bars(histogram: Histogram) -> list[Bar]:
    top = max(1, *histogram.counts)
    width = WIDTH / len(histogram.counts)
    ends = [*(str(edge - 1) for edge in histogram.edges[1:]), "more"]
    return [
        Bar(
            place * width + 1,
            HEIGHT - HEIGHT * count / top,
            width - 2,
            HEIGHT * count / top,
            f"{edge} to {end} tokens: {count:,} rows",
        )
        for place, (edge, end, count) in enumerate(
            zip(histogram.edges, ends, histogram.counts, strict=True)
        )
    ]


def _shares(counts: Mapping[str, int]) -> list[Share]:
    return [Share(shown(name, 40) or "none", share) for name, share in large(counts).items()]
