"""The language of a page."""

import argparse

from epochwise.report.language import LANGUAGES


def add_language(parser: argparse.ArgumentParser, default: str | None = "en") -> None:
    told = ", ".join(f"{code} {name}" for code, name in LANGUAGES.items())
    parser.add_argument("--language", choices=LANGUAGES, default=default, help=told)
