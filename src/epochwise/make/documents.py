"""Files to plain text: text, Markdown, HTML and PDF, told apart by their suffix."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from epochwise.data.problems import DataError

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
BROKEN_WORD = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zà-ÿ])")  # a PDF's lines end within words


class Document(NamedTuple):
    name: str
    """Of its file; with the path, where two files have one name."""
    text: str
    markdown: bool


def documents(paths: Sequence[Path]) -> list[Document]:
    """The text of each file; a folder stands for the files of known kinds in it, by name.

    Raises:
        DataError: Everything that cannot be read, file by file.
    """
    problems: list[str] = []
    files = list(dict.fromkeys(file for path in paths for file in _files(path, problems)))
    names = Counter(file.name for file in files)
    found = []
    for file in files:
        name = file.name if names[file.name] == 1 else str(file)
        try:
            found.append(Document(name, _text(file), file.suffix.lower() in MARKDOWN))
        except DataError as error:
            problems += error.problems
    if problems or not found:
        raise DataError(problems or ["no document was given"])
    return found


def _files(path: Path, problems: list[str]) -> list[Path]:
    known = ", ".join(sorted(READERS))
    if path.is_dir():
        inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in READERS]
        if not inside:
            problems.append(f"{path}: the folder holds no document; known are {known}")
        return inside
    if not path.is_file():
        problems.append(f"{path}: there is no such file")
    elif path.suffix.lower() not in READERS:
        problems.append(f"{path}: unknown suffix {path.suffix!r}, expected one of {known}")
    else:
        return [path]
    return []


def _text(file: Path) -> str:
    try:
        text = READERS[file.suffix.lower()](file)
    except UnicodeDecodeError as error:
        fault = f"{file}: is not UTF-8 at byte {error.start}: save it as UTF-8"
        raise DataError([fault]) from error
    except OSError as error:
        raise DataError([f"{file}: cannot be read: {error.strerror or error}"]) from error
    clean = CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not clean.strip():
        raise DataError([f"{file}: holds no text{READERS_SAY.get(file.suffix.lower(), '')}"])
    return clean


def _plain(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig")


def _html(file: Path) -> str:
    from inscriptis import get_text

    return str(get_text(file.read_text(encoding="utf-8-sig")))


def _pdf(file: Path) -> str:
    """The pages' text, parted by blank lines; words that lines break are whole again."""
    from pypdf import PdfReader

    try:
        pages = [page.extract_text() for page in PdfReader(file).pages]
    except Exception as error:  # damaged files make pypdf raise whatever they come upon
        raise DataError([f"{file}: is no PDF that can be read: {error}"]) from error
    return BROKEN_WORD.sub("", "\n\n".join(pages))


MARKDOWN = (".md", ".markdown")
READERS: dict[str, Callable[[Path], str]] = {
    **dict.fromkeys((".txt", ".text", *MARKDOWN), _plain),
    **dict.fromkeys((".html", ".htm", ".xhtml"), _html),
    ".pdf": _pdf,
}
READERS_SAY = {".pdf": "; is it scanned? Have its letters recognised (OCR) first"}
