"""A file behind an address, from a server on this machine."""

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from epochwise.cache import cache_folder
from epochwise.config import DataConfig
from epochwise.data import download
from epochwise.data.problems import DataError
from epochwise.data.rows import digest, read

Config = Callable[..., DataConfig]
ROWS = '{"instruction": "a", "output": "b"}\n'


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/my.jsonl")
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the folder that it serves."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "my.jsonl").write_text(ROWS)
    (folder / "page.html").write_text("<!DOCTYPE html>")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once_and_kept_with_its_hash(
    site: tuple[str, Path], data: Config
) -> None:
    address, folder = site
    config = data(path=f"{address}/my.jsonl", format="auto")
    (row,) = read(config)
    assert (row.question, row.place) == ("a", "my.jsonl line 1")
    (folder / "my.jsonl").unlink()
    assert len(read(config)) == 1
    assert digest(config) == hashlib.sha256(ROWS.encode()).hexdigest()
    (about,) = (cache_folder() / "files").glob("*/my.jsonl.json")
    assert json.loads(about.read_text()) == {
        "address": f"{address}/my.jsonl",
        "bytes": len(ROWS),
        "sha256": digest(config),
    }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.jsonl", ["could not be fetched", "404", "data.path=my.jsonl"]),
        ("page.html", ["is a web page: give the address of the file itself"]),
        ("away", ["http://example.invalid/my.jsonl: would come unencrypted"]),
    ],
)
def test_what_cannot_be_had_is_told_and_nothing_is_kept(
    path: str, words: list[str], site: tuple[str, Path], data: Config
) -> None:
    with pytest.raises(DataError) as caught:
        read(data(path=f"{site[0]}/{path}", format="auto"))
    assert [word for word in words if word not in str(caught.value)] == []
    assert not [file for file in (cache_folder() / "files").rglob("*") if file.is_file()]


def test_a_host_that_is_not_there_is_told(data: Config) -> None:
    with pytest.raises(DataError, match="could not be fetched: .*Check the address"):
        read(data(path="http://127.0.0.1:9/my.jsonl"))


def test_no_file_comes_unencrypted(data: Config) -> None:
    with pytest.raises(DataError, match="would come unencrypted; use https://"):
        read(data(path="http://example.invalid/my.jsonl"))


def test_a_file_over_the_limit_is_not_fetched(
    site: tuple[str, Path], data: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", 10)
    with pytest.raises(DataError, match="my.jsonl is over 0 GiB: fetch the part"):
        read(data(path=f"{site[0]}/my.jsonl"))
