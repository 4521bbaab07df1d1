import html
import json
import re
import shlex
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from epochwise.cli import main
from epochwise.data.formats import exchange
from epochwise.data.show import pieces
from epochwise.data.tokens import Manner, example

SETTINGS = ["data=file", "model=world_1m", "data.size=2", "data.val_size=1", "data.format=auto"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.jsonl"
    said = ["Say <b>it</b> & \x1b[31m", "ok\nyes"]
    roles = ["user", "assistant"] * 2
    rows = [
        {"messages": [{"role": r, "content": t} for r, t in zip(roles, talk, strict=True)]}
        for talk in ([*said, f"more {n}", f"No {n}"] for n in "abc")
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_the_pieces_are_the_text_with_whole_characters(chatml: PreTrainedTokenizerFast) -> None:
    made = example(exchange("Hi 👩‍👧", "你好 é"), chatml)
    shown = list(pieces(made, chatml))
    assert "".join(piece.text for piece in shown) == str(chatml.decode(made.ids))
    assert "�" not in "".join(piece.text for piece in shown)
    assert [id for piece in shown for id in piece.ids] == made.ids.tolist()
    assert "".join(piece.text for piece in shown if piece.scored) == "你好 é<|im_end|>"
    assert {piece.text for piece in shown if piece.control} == {"<|im_start|>", "<|im_end|>"}


def test_a_line_shows_what_carries_loss(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "show", *SETTINGS, f"data.path={file}", "data.turns=all", "--rows", "1"]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert told.count("⟦ok\nyes<|end|>⟧") == 1
    assert "Say <b>it</b> & ␛[31m" in told
    assert "\x1b" not in told
    assert re.search(r"training +2 ", told)
    assert "all rows are in use as they are" in told


def test_json_and_the_page_hold_the_same_rows_and_the_page_is_escaped(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "show.html"
    arguments = ["data", "show", *SETTINGS, f"data.path={file}", f"--html={page}", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["rows"]) == 2
    assert found["totals"][0]["scored"] == sum(row["scored"] for row in found["rows"])
    told = page.read_text(encoding="utf-8")
    assert "<b>it" not in told
    assert "src=" not in told
    body = re.findall(r'<div class="row">(.*?)</div>', told, re.DOTALL)
    plain = [html.unescape(re.sub(r"<[^>]*>", "", row)) for row in body]
    assert plain == ["".join(p["text"] for p in row["pieces"]) for row in found["rows"]]
    marked = [len(re.findall(r'class="loss', row)) for row in body]
    assert marked == [sum(p["scored"] for p in row["pieces"]) for row in found["rows"]]


def test_a_page_takes_the_place_of_no_other_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    arguments = ["data", "show", *SETTINGS, f"data.path={file}", f"--html={mine}"]
    assert main(arguments) == 2
    assert "no page of this command" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    mine.unlink()
    assert [main(arguments), main(arguments)] == [0, 0]
    assert capsys.readouterr().out.splitlines()[-1] == str(mine)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data"], "usage: epochwise data COMMAND"),
        (["data", "shw"], "data shw: no such command; did you mean show?"),
        (["data", "show", "data=nothing"], "nothing"),
        (["data", "show", "--rows", "x"], "must be a whole number"),
        (["data", "show", "data=file", "data.path=no.jsonl", "model=world_1m"], "no.jsonl"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = "".join(capsys.readouterr())
    assert words in told
    assert "Traceback" not in told


def test_all_tokens_can_carry_loss(chatml: PreTrainedTokenizerFast) -> None:
    shown = list(pieces(example(exchange("a", "b"), chatml, Manner("all")), chatml))
    assert [piece.scored for piece in shown] == [False] + [True] * (len(shown) - 1)


def test_the_commands_of_the_docs_run_as_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
    lines = [line for line in docs.splitlines() if line.startswith("epochwise data show")]
    assert len(lines) == 3
    monkeypatch.chdir(file.parent)
    for line in lines:
        assert main([*shlex.split(line)[1:], "data.size=2", "data.val_size=1"]) == 0
    assert (file.parent / "show.html").is_file()
    assert json.loads(capsys.readouterr().out.partition("show.html\n")[2])["totals"]
