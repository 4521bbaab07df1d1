import re
import string

import pytest

from epochwise.report.language import HERE, LANGUAGES, words

ENGLISH = words("en").texts
TEMPLATES = (HERE.parent / "template").glob("*.jinja")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in (*TEMPLATES, *HERE.parent.rglob("*.py"))
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_have_the_same_keys_and_placeholders(language: str) -> None:
    texts = words(language).texts
    assert set(texts) == set(ENGLISH)
    wrong = {key for key in texts if placeholders(texts[key]) != placeholders(ENGLISH[key])}
    assert not wrong


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_nothing_is_left_in_english(language: str) -> None:
    same = {key for key, text in words(language).texts.items() if text == ENGLISH[key]}
    assert same <= {"column.f1", "fact.sure"}


def test_every_key_that_is_asked_for_is_there() -> None:
    asked = re.findall(r'\b(?:t|words)\(\s*"([a-z_]+\.[a-z_.]+)"', SOURCES)
    assert len(asked) > 100
    assert set(asked) <= set(ENGLISH)


def test_every_key_is_asked_for() -> None:
    built = {"axis", "column", "help", "verdict", "count", "kind"}  # with names from the outside
    built |= set(re.findall(r'f"([a-z]+)\.[a-z_]*{', SOURCES))  # f"finding.more_{told}"
    built |= set(re.findall(r't\("([a-z]+)\." ~', SOURCES))  # t("cost." ~ line.name)
    fixed = {key for key in ENGLISH if key.partition(".")[0] not in built}
    assert not {key for key in fixed if f'"{key}"' not in SOURCES}


def test_a_plural_is_told_from_a_single_one() -> None:
    assert words("en").count(1, "epoch") == "1 epoch"
    assert words("en").count(1200, "row") == "1,200 rows"
    assert words("ja").count(4, "epoch") == "4 エポック"


def test_nothing_is_ever_quite_certain() -> None:
    assert (words("en").sure(0.94), words("en").sure(1.0)) == ("94 %", "over 99 %")


def test_the_setting_offers_the_languages_that_there_are() -> None:
    from typing import get_args

    from epochwise.config import ReportConfig

    assert get_args(ReportConfig.model_fields["language"].annotation) == tuple(LANGUAGES)
