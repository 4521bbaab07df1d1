"""`epochwise data show`: rows as the model sees them, in the terminal and as a page."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.arguments import refuse, whole

if TYPE_CHECKING:
    from rich.text import Text

    from epochwise.config import Config
    from epochwise.data.show import Shown, ShownRow

DONE = 0
ROWS = 5


def run(arguments: Sequence[str]) -> int:
    """Rows as the model sees them, token by token, and which tokens carry loss."""
    options = _options(arguments)
    from epochwise.compose.check import single

    found = single(options.settings)
    if found.problems:
        return refuse("cannot show", found.problems)
    try:
        rows = _shown(found.configs[0], options.rows)
        if options.html is not None:
            from epochwise.data.show import write_page

            write_page(options.html, rows, _title(found.configs[0]))
    except ValueError as error:
        return refuse("cannot show", str(error).splitlines())
    if options.json:
        print(json.dumps(_document(rows), indent=2, ensure_ascii=False))
    elif options.html is None:
        _tell(rows)
    if options.html is not None:
        print(options.html, file=sys.stderr if options.json else sys.stdout)
    return DONE


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise data show", description=run.__doc__)
    as_in_train = "as for train: data=file data.path=my.jsonl model=world_1m"
    parser.add_argument("settings", nargs="*", metavar="key=value", help=as_in_train)
    parser.add_argument("--rows", type=whole(0), default=ROWS, metavar="N", help="how many to show")
    parser.add_argument("--html", type=Path, metavar="OUT.html", help="a page instead")
    parser.add_argument("--json", action="store_true", help="one JSON document instead")
    return parser.parse_intermixed_args(arguments)


def _shown(config: "Config", count: int) -> "Shown":
    from rich.console import Console

    with Console(stderr=True).status("tokenising"):
        from epochwise.data.show import shown
        from epochwise.model.gguf import as_folder
        from epochwise.model.location import locate
        from epochwise.model.pretrained import load_tokenizer

        location = as_folder(locate(config.model.path))
        return shown(config.data, load_tokenizer(config.model, location), count)


def _title(config: "Config") -> str:
    return f"{config.data.name} as {config.model.name} sees it"


def _document(found: "Shown") -> dict[str, object]:
    return {
        "rows": [
            row._asdict() | {"pieces": [piece._asdict() for piece in row.pieces]}
            for row in found.rows
        ],
        "totals": [total._asdict() for total in found.totals],
        "counts": found.counts._asdict(),
    }


def _tell(found: "Shown") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for row in found.rows:
        console.print(_line(row))
        told = _coloured(row) if console.is_terminal and not console.no_color else _marked(row)
        console.print(told, soft_wrap=True, end="\n\n")
    table = Table("rows in use", "rows", "tokens", "carry loss", "longest", box=None)
    for total in found.totals:
        share = f"{total.scored:,} ({total.scored / total.tokens:.1%})"
        table.add_row(
            total.split, f"{total.rows:,}", f"{total.tokens:,}", share, f"{total.longest:,}"
        )
    console.print(table, found.counts.sentence, sep="\n")


def _line(row: "ShownRow") -> "Text":
    from rich.text import Text

    more = f"; {row.note}" if row.note else ""
    return Text(f"{row.place}: {row.tokens} tokens, {row.scored} carry loss{more}", "bold")


def _marked(row: "ShownRow") -> "Text":
    """What carries loss in brackets, where there are no colours."""
    from rich.text import Text

    from epochwise.data.show import stretches

    texts = ((scored, "".join(piece.text for piece in pieces)) for scored, pieces in stretches(row))
    return Text("".join(f"⟦{text}⟧" if scored else text for scored, text in texts))


def _coloured(row: "ShownRow") -> "Text":
    from rich.text import Text

    text = Text()
    for piece in row.pieces:
        style = "black on green underline" if piece.scored else "dim"
        text.append(piece.text, f"{style} bold" if piece.control else style)
    return text
