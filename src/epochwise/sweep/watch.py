"""A study while it runs: in the terminal, and as a page on this machine."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from epochwise.sweep.local_page import served
from epochwise.sweep.spark import line, sparks
from epochwise.sweep.status import Status, shown, status

SECONDS = 2.0  # between two looks


def watch(folder: Path, port: int | None, sleep: Callable[[float], None] = time.sleep) -> Status:
    """Show the study until no command works on it any more; how it then stands.

    Args:
        folder: Of the study.
        port: Of 127.0.0.1, where the report is shown as far as it goes; 0 for any that is
            free, None for no page.
        sleep: Waits between two looks.

    Raises:
        ValueError: The ledger is damaged, or the port is taken.
    """
    page: AbstractContextManager[str | None]
    page = nullcontext() if port is None else served(folder, port)
    console = Console()
    with page as address, Live(console=console, auto_refresh=False) as live:
        while (found := status(folder)).supervised:
            live.update(_screen(found, folder, address), refresh=True)
            sleep(SECONDS)
        live.update(_screen(found, folder, None), refresh=True)
    if not console.is_terminal:
        console.print()  # Live ends a line on terminals only
    return found


def _screen(found: Status, folder: Path, address: str | None) -> Group:
    where = [] if address is None else [f"the report so far: {address}"]
    return Group(shown(found), _curves(folder), *where)


def _curves(folder: Path) -> Table:
    table = Table("run", "val loss", "by epoch", pad_edge=False)
    for spark in sparks(folder):
        table.add_row(spark.label, f"{spark.last:.3f}", line(spark.losses))
    return table
