import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from epochwise.data.check.page import fault, page, write_page
from epochwise.data.check.report import Report

EVIL = "<script>alert('x')</script><img src=http://example.org/x onerror=alert(1)>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.outside += [value for name, value in attrs if name in ("src", "href") and value]


@pytest.fixture
def evil(report: Callable[..., Report]) -> Report:
    asked = f"{EVIL} tell me of it"
    row: dict[str, Any] = {"instruction": asked, "output": EVIL, "source": EVIL, "kind": EVIL}
    rows = [row | {"instruction": f"{asked} {number} {'word ' * number}"} for number in range(8)]
    return report([*rows, rows[0]], size=2)


def test_texts_of_rows_are_shown_as_text(evil: Report) -> None:
    html = page(evil)
    tags = Tags()
    tags.feed(html)
    assert "&lt;script&gt;" in html
    assert not {"script", "img", "link", "iframe"} & set(tags.names)
    assert tags.outside == []


def test_nothing_may_be_loaded(evil: Report) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page(evil))
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")


def test_every_finding_and_its_places_are_on_the_page(evil: Report) -> None:
    html = page(evil)
    for finding in evil.findings:
        assert finding.name.replace("_", " ") in html
    assert "my.jsonl line 9 ~ my.jsonl line 1" in html


def test_a_page_is_written_over_a_page_of_its_own_alone(evil: Report, tmp_path: Path) -> None:
    own, other = tmp_path / "own.html", tmp_path / "other.html"
    write_page(own, evil)
    other.write_text("mine", encoding="utf-8")
    assert fault(own) == ""
    assert "is there already" in fault(other)
    assert "no folder" in fault(tmp_path / "absent" / "x.html")
    assert fault(tmp_path) != ""


def test_numbers_stand_under_the_bars_that_begin_there(evil: Report) -> None:
    width = 480 / len(evil.prompt_tokens.edges)
    for place in (0, 6, 12, 18):
        edge = evil.prompt_tokens.edges[place]
        assert f'<text x="{place * width:.1f}" y="134">{edge}</text>' in page(evil)
