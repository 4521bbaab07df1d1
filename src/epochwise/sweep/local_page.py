"""The report of a study that still runs, on a page of this machine that renews itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from epochwise.diagnose.finding import study_finding
from epochwise.record import finished, finite
from epochwise.report.page import html
from epochwise.report.study_folder import language

HOST = "127.0.0.1"  # nobody else can ask
REFRESH = 15  # seconds until a browser asks again


@contextmanager
def served(folder: Path, port: int) -> Iterator[str]:
    """The address at which the report is shown while the context lasts.

    Raises:
        ValueError: The port is taken.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(folder))
    except OSError as error:
        raise ValueError(f"--serve {port}: {error.strerror}; give another, or 0 for any") from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    report = Report(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            own = f"{HOST}:{self.connection.getsockname()[1]}"
            if self.path != "/" or self.headers.get("Host") != own:  # a name that others made ours
                self.send_error(404)
                return
            body = report.page()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Refresh", str(REFRESH))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the terminal shows the study."""

    return Handler


class Report:
    """The page of the runs that are done, made again once there are more of them.

    It is kept in memory: the study's own report, finding and results stay as they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done = -1
        self.shown = b""
        self.lock = threading.Lock()

    def page(self) -> bytes:
        with self.lock:
            done = len(finished(self.folder))
            if done == 0:
                return b"<!doctype html><title>epochwise</title>No run has finished yet."
            if done != self.done:
                self.shown, self.done = self._written(), done
            return self.shown

    def _written(self) -> bytes:
        finding = finite(asdict(study_finding(self.folder)))
        return html(self.folder, finding, language(self.folder)).encode()
