"""The report as it stands in a terminal."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from epochwise.data.check.finding import SEVERITIES, Finding, shown, worst
from epochwise.data.check.lengths import Histogram
from epochwise.data.check.report import Report, Tokens

SIGNS = {"error": ("✕", "bold red"), "warning": ("!", "yellow"), "note": ("·", "cyan")}
BLOCKS = " ▁▂▃▄▅▆▇█"
PLACES = 3  # a screen is short: --json and --html name more
NAMES = 10
SMALL = 0.005  # shares below have no line of their own


def drawn(report: Report) -> Group:
    found = [each for name in SEVERITIES for each in report.findings if each.severity == name]
    absent = [each.name for each in report.findings if not each.count]
    return Group(
        _head(report),
        "",
        *(_finding(each) for each in found if each.count),
        Text("looked for and not found: " + ", ".join(absent), style="dim"),
        "",
        _lengths(report),
        *_shares("languages", report.languages),
        *_shares("kinds", report.kinds),
        *_shares("sources", report.sources),
        "",
        Text("\n".join(token_sentences(report.tokens))),
        _last(report),
    )


def bars(histogram: Histogram) -> str:
    """A sign for each bar; the least that is not nothing still shows.

    >>> bars(Histogram([0, 2, 4], [0, 1, 80]))
    ' ▁█'
    """
    top = max(1, *histogram.counts)
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // top)] for count in histogram.counts)


def _head(report: Report) -> Text:
    test = f", {report.test_rows:,} test rows" * bool(report.test_rows)
    return Text(f"{shown(report.path)}: {report.rows:,} rows{test}", style="bold")


def _finding(finding: Finding) -> RenderableType:
    sign, style = SIGNS[finding.severity]
    share = f" ({finding.share:.1%})" if finding.share is not None else ""
    head = Text.assemble((f"{sign} {finding.name}", style), f" {finding.count:,}{share}")
    places = [Text(place, style="dim") for place in finding.places[:PLACES]]
    more = finding.count - len(places)
    places += [Text(f"... and {more:,} more", style="dim")] * (more > 0 and bool(places))
    words = [Text(finding.what), Text(f"→ {finding.remedy}"), *places]
    return Group(head, *(Padding(line, (0, 0, 0, 4), expand=False) for line in words))


def _lengths(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    sampled = f" of {report.tokenised:,} sampled rows" * (report.tokenised < report.rows)
    for name, histogram in (("prompt", report.prompt_tokens), ("answer", report.answer_tokens)):
        last = f"0 to {histogram.edges[-1]}+ tokens{sampled}"
        table.add_row(f"{name} tokens", f"[cyan]{bars(histogram)}[/]", last)
    return table


def _shares(title: str, counts: Mapping[str, int]) -> Iterator[Text]:
    named = large(counts)
    if named:
        words = [f"{shown(name, 30) or 'none'} {share:.1%}" for name, share in named.items()]
        more = ", ..." * (len(counts) > len(named))
        yield Text(f"{title}: {', '.join(words)}{more}")


def large(counts: Mapping[str, int]) -> dict[str, float]:
    """Shares that are worth a name, the largest first: none where nothing has a name.

    Example:
        >>> large({"en": 990, "de": 9, "fr": 1}), large({"": 10})
        ({'en': 0.99, 'de': 0.009}, {})
    """
    whole = sum(counts.values())
    shares = {name: count / whole for name, count in counts.items() if count >= SMALL * whole}
    return dict(list(shares.items())[:NAMES]) if set(shares) - {""} else {}


def token_sentences(tokens: Tokens) -> list[str]:
    return [
        f"about {tokens.answer:,} answer tokens, {tokens.distinct_share:.1%} of them in rows that"
        " repeat no other",
        f"that is {tokens.epochs_worth:.1f} epochs' worth of distinct tokens at this data.size;"
        f" training shows each distinct token {tokens.passes:.1f} times",
        f"{tokens.vocabulary_share:.1%} of the tokenizer's vocabulary occurs",
    ]


def _last(report: Report) -> Text:
    gravest = worst(report.findings)
    words = {
        "error": "this data would make results wrong, or stop training: see ✕",
        "warning": "nothing here makes results wrong; look at !",
        "note": "this data is sound",
        None: "this data is sound: nothing was found",
    }
    return Text(words[gravest], style="bold")
