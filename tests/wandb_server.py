"""A W&B server of one process on 127.0.0.1: what its real client needs, and faults on demand."""

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["none", "401", "429", "500", "hang", "dead"]
HANG = 30.0  # seconds: longer than any test waits


class Kept:
    """What the server was sent, by run."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[int, dict[str, Any]]] = {}
        """Run -> line of its history -> row. The client says where each chunk begins."""
        self.runs: dict[str, dict[str, Any]] = {}
        self.exits: dict[str, int] = {}
        self.artifacts: list[str] = []
        self.used: list[tuple[str, str]] = []
        """Artifact, and the run that was made from it."""
        self.requests = 0

    def history(self, run: str) -> list[dict[str, Any]]:
        return [row for _, row in sorted(self.lines.get(run, {}).items())]

    def take(self, run: str, body: dict[str, Any]) -> None:
        for name, chunk in (body.get("files") or {}).items():
            if name == "wandb-history.jsonl":
                at = chunk["offset"]
                rows = {at + n: json.loads(line) for n, line in enumerate(chunk["content"])}
                self.lines.setdefault(run, {}).update(rows)
        if body.get("complete"):
            self.exits[run] = body["exitcode"]


class Server(ThreadingHTTPServer):
    """Faulty from its `sound`-th request on, as long as `fault` says so."""

    daemon_threads = True

    def __init__(self, fault: Fault = "none", sound: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept, self.fault, self.sound = Kept(), fault, sound
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""

    def __exit__(self, *problem: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.lock:
            self.server.kept.requests += 1
            faulty = self.server.kept.requests > self.server.sound
        if faulty and self.server.fault != "none":
            return self._fail(self.server.fault)
        with self.server.lock:
            is_json = self.path.startswith(("/graphql", "/files"))
            answer = self._answer(json.loads(body) if is_json and body else {})
        return self._send(200, answer)

    do_GET = do_PUT = do_POST  # noqa: N815 (http.server's names)

    def _fail(self, fault: Fault) -> None:
        if fault == "hang":
            time.sleep(HANG)
        if fault in ("hang", "dead"):  # the connection ends without an answer
            self.close_connection = True
            return
        self._send(int(fault), {"errors": [{"message": f"the server says {fault}"}]})

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.path.endswith("/file_stream"):
            self.server.kept.take(self.path.split("/")[-2], body)
            return {"exitcode": None, "limits": {}}
        return {"data": self._data(body.get("query", ""), body.get("variables") or {})}

    def _data(self, query: str, asked: dict[str, Any]) -> dict[str, Any]:
        kept = self.server.kept
        if "upsertBucket" in query:
            kept.runs.setdefault(asked["name"], {}).update(asked)
            return {"upsertBucket": {"bucket": _bucket(asked["name"]), "inserted": True}}
        if "createRunFiles" in query:
            files = [
                {"name": name, "uploadUrl": f"{self.server.url}/put"} for name in asked["files"]
            ]
            made = {"runID": asked["run"], "uploadHeaders": [], "files": files}
            return {"createRunFiles": made}
        if "createArtifact(" in query:
            name = asked["input"]["artifactCollectionName"]
            kept.artifacts.append(name)
            return {"createArtifact": {"artifact": _committed(name)}}
        if "useArtifact(" in query:
            use = asked["input"]
            kept.used.append((use["artifactID"].removeprefix("id-"), use["runName"]))
            return {"useArtifact": {"artifact": {"id": "used"}}}
        if "serverInfo" in query or "viewer" in query:
            return {"viewer": _VIEWER, "serverInfo": _SERVER_INFO}
        return {}

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


_VIEWER = {
    "id": "me", "username": "me", "entity": "me", "flags": "{}", "admin": False,
    "teams": {"edges": []}, "apiKeys": {"edges": []},
}  # fmt: skip
_SERVER_INFO = {
    "cliVersionInfo": {"max_cli_version": "9.0.0"},
    "latestLocalVersionInfo": {"outOfDate": False, "versionOnThisInstanceString": "0.90.0",
                               "latestVersionString": "0.90.0"},
    "features": [],
}  # fmt: skip


def _bucket(run: str) -> dict[str, Any]:
    project = {"name": "tests", "entity": {"name": "me"}}
    return {"id": f"id-{run}", "name": run, "displayName": run, "project": project}


def _committed(name: str) -> dict[str, Any]:
    """As if its files were there already: no test looks into them."""
    latest = {"id": f"id-{name}", "versionIndex": 0}
    return latest | {
        "state": "COMMITTED",
        "artifactSequence": {"id": name, "latestArtifact": latest},
    }
