from pathlib import Path

import pytest

from epochwise.data.problems import DataError
from epochwise.make.documents import Document, documents
from epochwise.make.windows import Span, windows

PDF = """%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R
/Resources<</Font<</F1 5 0 R>>>>>>endobj
4 0 obj<</Length {length}>>stream
{content}
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
startxref
0
%%EOF
"""


def pdf(*lines: str) -> bytes:
    shown = " ".join(f"({line}) Tj 0 -20 Td" for line in lines)
    content = f"BT /F1 12 Tf 20 200 Td {shown} ET"
    return PDF.format(length=len(content), content=content).encode()


def test_each_kind_of_file_becomes_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffThe bell\r\nof Osk.\x00".encode())
    (tmp_path / "b.md").write_text("# The bell\n\nIt is red.", encoding="utf-8")
    page = "<head><title>x</title><script>evil()</script></head><body><p>A <b>red</b> bell.</p>"
    (tmp_path / "c.html").write_text(f"{page}<p>It rings.</p></body>", encoding="utf-8")
    (tmp_path / "d.pdf").write_bytes(pdf("The bell of Osk was bro-", "ken by frost."))
    (tmp_path / "e.docx").write_bytes(b"not read")
    found = {one.name: one.text.strip() for one in documents([tmp_path])}
    assert found["a.txt"] == "The bell\nof Osk."
    assert found["b.md"] == "# The bell\n\nIt is red."
    assert found["c.html"].split("\n") == ["A red bell.", "", "It rings."]
    assert found["d.pdf"] == "The bell of Osk was broken by frost."
    assert len(found) == 4


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("The bell.", encoding="utf-8")
    names = [one.name for one in documents([tmp_path, tmp_path / "one"])]
    assert names == [str(tmp_path / "one" / "a.txt"), str(tmp_path / "two" / "a.txt")]


def test_all_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("für".encode("latin-1"))
    (tmp_path / "blank.html").write_text("<html></html>", encoding="utf-8")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "scan.pdf").write_bytes(pdf())
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    (tmp_path / "word.docx").write_bytes(b"PK")
    (tmp_path / "none").mkdir()
    names = ("latin.txt", "blank.html", "empty.txt", "scan.pdf", "broken.pdf", "word.docx", "none")
    with pytest.raises(DataError) as told:
        documents([*(tmp_path / name for name in names), tmp_path / "away.txt"])
    text = str(told.value)
    for part in (
        "latin.txt: is not UTF-8 at byte 1",
        "blank.html: holds no text",
        "empty.txt: holds no text",
        "scan.pdf: holds no text; is it scanned?",
        "broken.pdf: is no PDF that can be read",
        "word.docx: unknown suffix '.docx', expected one of .htm",
        "none: the folder holds no document",
        "away.txt: there is no such file",
    ):
        assert part in text
    assert len(told.value.problems) == 8


@pytest.mark.parametrize("overlap", [0, 60])
def test_windows_are_pieces_of_their_document(overlap: int) -> None:
    text = "\n\n".join(f"Sentence {n} is here. Then comes the next one." for n in range(40))
    found = windows([Document("a.txt", text, markdown=False)], Span(120, overlap))
    covered = ""
    for before, window in zip([None, *found], found, strict=False):
        assert window.text == text[window.start : window.end]
        assert len(window.text) <= 120
        assert window.shared == (max(0, before.end - window.start) if before else 0)
        covered += window.own
    assert any(window.shared for window in found) == bool(overlap)
    assert "".join(covered.split()) == "".join(text.split())  # all of it, nothing twice


def test_windows_may_be_counted_in_tokens() -> None:
    from transformers import AutoTokenizer

    from epochwise.world import model_folder

    folder = Path(model_folder("1m"))
    text = "Mira Tolven lives in Oskmere. She works as a baker. " * 20
    span = Span(24, 0, folder / "tokenizer.json")
    found = windows([Document("a.txt", text, markdown=False)], span)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lengths = [len(tokenizer(one.text, add_special_tokens=False).input_ids) for one in found]
    assert max(lengths) <= 24
    assert len(found) > 10
