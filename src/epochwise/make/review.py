"""Rows shown to a person, who marks the bad ones: on a page of this machine, or in a file."""

import json
import secrets
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from epochwise.endpoint import JSON

TEMPLATE = "review.html.jinja"
MOST_BYTES = 2**20  # of what the page sends back
POLL = 0.2  # seconds


class ReviewServer(ThreadingHTTPServer):
    """Serves one page under a secret address, until it has sent the marks."""

    def __init__(self, rows: Mapping[int, JSON]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.timeout = POLL
        self.path = f"/{secrets.token_urlsafe(16)}/"  # no other page of the browser can guess it
        self.numbers = frozenset(rows)
        self.page = page(rows).encode()
        self.marks: dict[int, str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.path}"

    def wait(self) -> dict[int, str]:
        """The marks, once there are any: number of a bad row -> why, which may be empty."""
        while self.marks is None:
            self.handle_request()
        return self.marks


def page(rows: Mapping[int, JSON]) -> str:
    """The page that shows the rows; it loads nothing."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(rows=rows)


def write_review(file: Path, rows: Mapping[int, JSON]) -> None:
    """One row a line, each with an empty `bad` for a person to fill in.

    Raises:
        ValueError: The file is there already, or cannot be written.
    """
    lines = [
        json.dumps({"number": number, "bad": ""} | row, ensure_ascii=False)
        for number, row in rows.items()
    ]
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise ValueError(f"{file}: cannot be written: {error.strerror or error}") from error


def read_review(file: Path, numbers: Sequence[int]) -> dict[int, str]:
    """Number of a bad row -> why; a line that was deleted counts as bad too.

    Raises:
        ValueError: What is wrong with the file, line by line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read: {error}") from error
    found: dict[int, str] = {}
    faults: list[str] = []
    for place, line in enumerate(lines, 1):
        try:
            fields = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            faults.append(f"{file} line {place}: is not JSON: {error}")
            continue
        if fields is not None:
            faults += _noted(fields, f"{file} line {place}", frozenset(numbers), found)
    if faults:
        raise ValueError("\n  ".join(faults))
    return {n: found.get(n, "deleted") for n in numbers if found.get(n, "deleted")}


def _noted(fields: Any, place: str, numbers: frozenset[int], found: dict[int, str]) -> list[str]:
    number = fields.get("number") if isinstance(fields, dict) else None
    if type(number) is not int or number not in numbers:
        return [f"{place}: expected one of the lines as they were written, with its number"]
    why = fields.get("bad", "")
    if isinstance(why, bool):
        why = "not wanted" if why else ""
    if not isinstance(why, str):
        return [f"{place}: bad is {why!r}, expected text: why the row is bad"]
    found[number] = why.strip()
    return []


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    timeout = 60.0  # seconds: browsers open connections that they may never use

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        known = self.path == self.server.path
        self._reply(200 if known else 404, self.server.page if known else b"no such page")

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        marks = self._marks() if self.path == self.server.path else None
        if marks is None:
            self._reply(400, b"these are no marks of this page")
            return
        self._reply(200, b"kept: go back to the terminal")
        self.server.marks = marks

    def _marks(self) -> dict[int, str] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return None
        try:
            sent = json.loads(self.rfile.read(int(length)))
            marks = {int(number): str(why) for number, why in sent.items()}
        except (ValueError, AttributeError, RecursionError):
            return None
        return marks if marks.keys() <= self.server.numbers else None

    def _reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        return
