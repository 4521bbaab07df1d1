"""An OpenAI-compatible server on this machine that replies what a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Speaks as OpenAI's does: replies are given in turn, the last one again and again."""

    replies: list[tuple[int, str]]
    answer: Callable[[dict[str, Any]], tuple[int, str]]
    """Given in their place, where it is set: a reply that depends on what is asked."""
    counts: dict[str, int] | None
    """The tokens that each reply says it took."""
    headers: dict[str, str]
    asked: list[dict[str, Any]]
    keys: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        assert self.path == "/v1/chat/completions"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.server.keys.append(self.headers["Authorization"])
        status, content = self.server.answer(json.loads(body))
        choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        message = {"choices": [choice], "usage": self.server.counts}
        reply = json.dumps(message if status == 200 else {"error": content}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.replies, server.asked, server.keys, server.counts = [], [], [], None
    server.headers = {}

    def in_turn(_: dict[str, Any]) -> tuple[int, str]:
        left = server.replies
        return left.pop(0) if len(left) > 1 else left[0]

    server.answer = in_turn
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def good(score: int) -> tuple[int, str]:
    return 200, json.dumps({"score": score, "reason": "so it is"})
