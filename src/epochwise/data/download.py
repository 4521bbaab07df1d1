"""A file behind an address, fetched once and kept."""

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from epochwise.cache import cache_folder
from epochwise.data.problems import DataError

if TYPE_CHECKING:
    import httpx

SCHEMES = ("https://", "http://")
LOCAL = ("127.0.0.1", "localhost", "::1")  # hosts that may go without encryption
LARGEST = 16 * 2**30  # bytes
PATIENCE = 60  # seconds without a byte
PAGES = (  # a repository's page about a file, and where the file itself is
    (
        r"https://github\.com/([^/]+/[^/]+)/(?:blob|raw)/(.+)",
        r"https://raw.githubusercontent.com/\1/\2",
    ),
    (r"https://huggingface\.co/(.+?)/blob/(.+)", r"https://huggingface.co/\1/resolve/\2"),
    (r"https://gitlab\.com/(.+?)/-/blob/(.+)", r"https://gitlab.com/\1/-/raw/\2"),
)


def is_address(path: str) -> bool:
    return path.startswith(SCHEMES)


def downloaded(address: str) -> Path:
    """The file, under its own name; fetched where it has not been.

    Beside it lies NAME.json with the address, the number of bytes and their SHA-256.

    Raises:
        DataError: It cannot be had, or is too large, or is a web page.
    """
    source = raw(address)
    name = unquote(urlsplit(source).path).rpartition("/")[2] or "file"
    folder = cache_folder() / "files" / hashlib.sha256(source.encode()).hexdigest()[:32]
    file = folder / name
    if not file.with_name(f"{name}.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(source, file)
    return file


def raw(address: str) -> str:
    """The address of the file itself, where a repository's page about it was given.

    Example:
        >>> raw("https://github.com/o/r/blob/main/data/my.json")
        'https://raw.githubusercontent.com/o/r/main/data/my.json'
        >>> raw("https://huggingface.co/datasets/o/n/blob/main/my.json")
        'https://huggingface.co/datasets/o/n/resolve/main/my.json'
    """
    for page, file in PAGES:
        if re.match(page, address):
            return re.sub(page, file, address)
    return address


def _fetch(source: str, file: Path) -> None:
    """Into the place of `file` in one rename, so that no half of it is ever taken for it."""
    import httpx

    try:
        with (
            tempfile.TemporaryDirectory(prefix=".", dir=file.parent) as partial,
            httpx.Client(
                follow_redirects=True,
                timeout=PATIENCE,
                event_hooks={"request": [_check_encrypted]},
            ) as client,
            client.stream("GET", source) as response,
        ):
            _check(response)
            part = Path(partial) / file.name
            digest, size = hashlib.sha256(), 0
            with part.open("wb") as content:
                for piece in response.iter_bytes(2**20):
                    size += len(piece)
                    _check_size(source, size)
                    digest.update(piece)
                    content.write(piece)
            part.replace(file)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            [
                f"data.path={source} could not be fetched: {reason}. Check the address, or fetch"
                " the file yourself and give its path: data.path=my.jsonl"
            ]
        ) from error
    about = {"address": source, "bytes": size, "sha256": digest.hexdigest()}
    file.with_name(f"{file.name}.json").write_text(json.dumps(about) + "\n")


def _check_encrypted(request: "httpx.Request") -> None:
    """Of the first request, and of each to which a server sends on."""
    if request.url.scheme != "https" and request.url.host not in LOCAL:
        raise DataError([f"data.path={request.url}: would come unencrypted; use https://"])


def _check(response: "httpx.Response") -> None:
    response.raise_for_status()
    _check_size(str(response.url), int(response.headers.get("content-length", 0)))
    if response.headers.get("content-type", "").startswith("text/html"):
        raise DataError(
            [f"data.path={response.url} is a web page: give the address of the file itself"]
        )


def _check_size(source: str, size: int) -> None:
    if size > LARGEST:
        raise DataError(
            [f"data.path={source} is over {LARGEST // 2**30} GiB: fetch the part that you need"]
        )
