"""Whether everybody can read the page: contrast by WCAG 2, level AA."""

import re
from itertools import product

import pytest

from epochwise.report.document import HERE
from epochwise.report.figure.style import contrast

CSS = (HERE / "page.css").read_text(encoding="utf-8")
LIGHT, DARK, PRINT = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
TEXT = [
    *product(("ink", "soft", "accent"), ("paper", "card")),
    ("paper", "accent"),  # of a button that is on
    *((tone, f"{tone}-paper") for tone in ("good", "warn", "bad", "open")),
]


def full(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
@pytest.mark.parametrize(("text", "paper"), TEXT)
def test_text_stands_out_from_its_paper(scheme: dict[str, str], text: str, paper: str) -> None:
    assert contrast(full(scheme[text]), full(scheme[paper])) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_buttons_and_fields_have_an_edge_that_can_be_seen(scheme: dict[str, str]) -> None:
    assert contrast(full(scheme["control"]), full(scheme["paper"])) >= 3
