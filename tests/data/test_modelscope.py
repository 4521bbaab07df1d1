"""ModelScope's real client against a server on this machine that speaks as its site does."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("modelscope")

FILES = {
    "README.md": "---\nconfigs:\n- config_name: default\n  data_files: train.jsonl\n"
    "- config_name: short\n  data_files: short.jsonl\n---\n",
    "train.jsonl": "".join(
        json.dumps({"instruction": f"What is {n}?", "output": f"It is {n}."}) + "\n"
        for n in range(30)
    ),
    "short.jsonl": json.dumps({"instruction": "What?", "output": "This."}) + "\n",
}
# Its client keeps the address of its site from when it is imported.
READ = """
import json, sys
from epochwise.data.hub import records
from epochwise.data.problems import DataError
try:
    found = [[record.place, record.fields] for record in records(sys.argv[1])]
except DataError as error:
    found = error.problems
print(json.dumps(found))
"""


class Site(ThreadingHTTPServer):
    revisions: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.revisions.append(asked.get("Revision", ""))
        match parts.path:
            case "/api/v1/datasets/owner/name/repo/tree":
                self.reply(json.dumps({"Code": 200, "Success": True, "Data": tree()}).encode())
            case "/api/v1/datasets/owner/name/repo":
                self.reply(FILES[asked["FilePath"]].encode())
            case _:
                self.reply(b'{"Code": 404, "Message": "no such repository"}', status=404)

    def reply(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        return


def tree() -> dict[str, Any]:
    files = [
        {
            "Name": name,
            "Path": name,
            "Type": "blob",
            "Size": len(text.encode()),
            "Sha256": sha256(text.encode()).hexdigest(),
            "Revision": "1" * 40,
        }
        for name, text in FILES.items()
    ]
    return {"Files": files, "TotalCount": len(files)}


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site(("127.0.0.1", 0), Handler)
    server.revisions = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def read(path: str, site: Site, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MODELSCOPE_DOMAIN", f"http://127.0.0.1:{site.server_port}")
    monkeypatch.setenv("MODELSCOPE_CACHE", str(cache / "modelscope"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(cache / "datasets"))
    command = [sys.executable, "-c", READ, path]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_rows_of_modelscope_are_read(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read("modelscope:owner/name", site, tmp_path, monkeypatch)
    assert len(found) == 30
    assert found[6] == [
        "owner/name row 7",
        {"instruction": "What is 6?", "output": "It is 6."},
    ]
    (short,) = read("modelscope:owner/name/short@v1", site, tmp_path, monkeypatch)
    assert short[1] == {"instruction": "What?", "output": "This."}
    assert {"master", "v1"} <= set(site.revisions)


def test_a_repository_that_is_not_there_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = read("modelscope:owner/absent", site, tmp_path, monkeypatch)
    assert problem.startswith("data.path=modelscope:owner/absent could not be loaded: ")
    assert "this machine reaches modelscope.cn" in problem
