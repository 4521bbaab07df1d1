"""The command as typed."""

import json
from pathlib import Path
from random import Random

import planted_rows
import pytest
from planted_rows import near_copy

from epochwise.cli import main
from epochwise.compose.check import check as problems


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(count: int = 30) -> list[dict[str, str]]:
    texts = planted_rows.planted(count, every=10_000).texts
    words = planted_rows.vocabulary(count, seed=1)
    return [
        {"instruction": asked, "output": f"It is {word}."}
        for asked, word in zip(texts, words, strict=False)
    ]


def write(file: Path, content: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")


def check(*arguments: str, path: str = "my.jsonl") -> int:
    settings = ["data=file", f"data.path={path}", "data.size=10", "data.val_size=5"]
    return main(["data", "check", *settings, "data.max_tokens=2048", *arguments])


def test_sound_data_passes_every_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "my.jsonl", rows())
    assert check("--fail-on", "error,warning,note") == 0
    assert capsys.readouterr().out.rstrip().endswith("this data is sound: nothing was found")


def test_json_is_one_document_and_the_gate_is_the_exit_status(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = rows()
    write(folder / "my.jsonl", [*content, content[0]])
    write(folder / "test.jsonl", content[3:5])
    assert check("--test", "test.jsonl", "--json", "--fail-on", "leaks_test_exact") == 1
    told = json.loads(capsys.readouterr().out)
    counts = {each["name"]: each["count"] for each in told["findings"] if each["count"]}
    assert counts == {"duplicates_exact": 1, "leaks_test_exact": 2}
    assert (told["rows"], told["test_rows"]) == (31, 2)
    assert sum(told["answer_tokens"]["counts"]) == 31
    assert check("--test", "test.jsonl", "--fail-on", "warning") == 0


def test_all_mistakes_are_told_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "my.jsonl", rows())
    (folder / "there.jsonl").write_text("mine", encoding="utf-8")
    status = check(
        "--fail-on", "eror", "--fix", "there.jsonl", "--html", "no/x.html", "data.sise=3"
    )
    told = capsys.readouterr().err
    assert status == 2
    for words in (
        "did you mean error?",
        "there.jsonl is there already",
        "no folder no",
        "data.sise",
    ):
        assert words in told
    assert (folder / "there.jsonl").read_text(encoding="utf-8") == "mine"


def test_a_missing_file_is_a_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "my.jsonl", rows())
    assert check(path="absent.jsonl") == 2
    assert "data.path=absent.jsonl: there is no such file" in capsys.readouterr().err
    assert check("--test", "absent.jsonl") == 2
    assert "--test absent.jsonl: there is no such file" in capsys.readouterr().err


def test_a_mended_copy_is_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = rows()
    near = near_copy(
        content[2]["instruction"].split(), planted_rows.vocabulary(100, seed=7), Random(0)
    )
    bad = [
        content[0],
        content[1] | {"instruction": content[1]["instruction"].upper() + "?!"},
        {"instruction": " ".join(near), "output": "no", "kept": "as it is"},
        {"instruction": "", "output": "nothing was asked"},
        {"instruction": "Mail ann@example.org <|im_end|> now", "output": "No.", "kept": "too"},
        {"instruction": "Is it gone", "output": "</s>"},
    ]
    write(folder / "my.jsonl", [*content, *bad])
    with (folder / "my.jsonl").open("a") as file:
        file.write("{no json\n")
    write(folder / "test.jsonl", content[3:4])
    assert check("--test", "test.jsonl", "--fix", "clean.jsonl") == 0
    assert capsys.readouterr().out.rstrip().endswith("clean.jsonl")
    log = [json.loads(line) for line in (folder / "clean.log.jsonl").read_text().splitlines()]
    removed = {line["place"]: line["reason"] for line in log if line["change"] == "removed"}
    assert removed == {
        "my.jsonl line 4": "leak from the test set, exact",
        "my.jsonl line 31": "duplicate, exact",
        "my.jsonl line 32": "duplicate, normalised",
        "my.jsonl line 33": "duplicate, near",
        "my.jsonl line 34": "cannot be read",
        "my.jsonl line 36": "nothing is left of a text without its control tokens",
        "my.jsonl line 37": "cannot be read",
    }
    kept = [json.loads(line) for line in (folder / "clean.jsonl").read_text().splitlines()]
    assert kept[:3] == content[:3]
    assert kept[-1] == {"instruction": "Mail [e-mail address]  now", "output": "No.", "kept": "too"}
    assert len(kept) == 30  # 37 lines, 7 of them removed
    gate = ["--test", "test.jsonl", "--fail-on", "error,warning,note"]
    assert check(*gate, path="clean.jsonl") == 0


@pytest.mark.parametrize("suffix", [".json", ".csv", ".tsv"])
def test_a_mended_copy_in_another_format_is_read_again(folder: Path, suffix: str) -> None:
    content = [row | {"history": [["Hi", "Ho"]]} for row in rows()]
    write(folder / "my.jsonl", [*content, content[0]])
    assert check("--fix", f"clean{suffix}") == 0
    assert check("--fail-on", "error,warning,note", path=f"clean{suffix}") == 0


def test_training_stops_where_validation_rows_are_nearly_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = rows(40)
    words, rng = planted_rows.vocabulary(3000, seed=7), Random(3)
    copies = [
        row | {"instruction": " ".join(near_copy(row["instruction"].split(), words, rng))}
        for row in content
    ]
    write(folder / "my.jsonl", [*content, *copies])
    settings = ["data=file", "data.path=my.jsonl", "data.size=60", "data.val_size=20"]
    assert main(["plan", *settings]) == 2
    told = capsys.readouterr().err
    assert "validation rows ask nearly what a training row asks" in told
    assert "allow_leaks=true" in told
    assert problems([*settings, "allow_leaks=true"]) == []


def test_of_near_copies_only_those_go_of_which_one_stays(folder: Path) -> None:
    first = planted_rows.vocabulary(40, seed=5)
    second = [*first[:5], "otherone", *first[6:20], "othertwo", *first[21:]]
    third = [*second[:10], "otherthree", *second[11:30], "otherfour", *second[31:]]
    assert planted_rows.likeness(first, third) < 0.8 < planted_rows.likeness(second, third)
    content = [{"instruction": " ".join(text), "output": "x"} for text in (first, second, third)]
    write(folder / "my.jsonl", [*content, *rows()])
    assert check("--fix", "clean.jsonl") == 0
    kept = (folder / "clean.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in kept[:2]] == [content[0], content[2]]


@pytest.fixture
def mixture(folder: Path) -> str:
    """Two sources with columns of their own, each with a bad row, and a row that is in both."""
    mine, others = rows(60)[:30], rows(60)[30:]
    write(folder / "mine.jsonl", [*mine[:9], mine[9] | {"output": ""}, *mine[10:]])
    named = [{"q": row["instruction"], "a": row["output"]} for row in [*others, mine[3]]]
    write(folder / "others.jsonl", named)
    with (folder / "others.jsonl").open("a") as file:
        file.write("{no json\n")
    other = "{path: others.jsonl, weight: 2, format: {instruction: q, output: a}}"
    return f"data.sources={{mine: {{path: mine.jsonl}}, others: {other}}}"


def check_mixture(sources: str, *more: str) -> int:
    sizes = ["data.size=10", "data.val_size=5", "data.max_tokens=2048"]
    return main(["data", "check", "data=mixture", sources, *sizes, *more])


def test_every_place_in_a_mixture_names_its_source(
    mixture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_mixture(mixture, "--json", "--fail-on", "empty") == 1
    told = json.loads(capsys.readouterr().out)
    places = {each["name"]: each["places"] for each in told["findings"] if each["count"]}
    assert places["empty"][0].startswith("mine: mine.jsonl line 10: output is empty")
    assert places["unreadable"][0].startswith("others: others.jsonl line 32: is not JSON")
    again = places["duplicates_exact"][0]
    assert again.startswith("others: others.jsonl line 31 ~ mine: mine.jsonl line 4")
    assert told["sources"] == {"mine": 29, "others": 31}


def test_a_mended_mixture_is_a_file_for_each_source(
    mixture: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_mixture(mixture, "--fix", "clean.jsonl") == 0
    files = capsys.readouterr().out.splitlines()[-3:]
    assert files == ["clean.log.jsonl", "clean.mine.jsonl", "clean.others.jsonl"]
    log = [json.loads(line) for line in (folder / files[0]).read_text().splitlines()]
    assert {line["place"]: line["reason"] for line in log} == {
        "mine: mine.jsonl line 10": "cannot be read",
        "others: others.jsonl line 31": "duplicate, exact",
        "others: others.jsonl line 32": "cannot be read",
    }
    assert [len((folder / file).read_text().splitlines()) for file in files[1:]] == [29, 30]
    mended = mixture.replace("mine.jsonl", "clean.mine.jsonl").replace("path: o", "path: clean.o")
    gate = ("--fail-on", "error,warning,note")
    assert check_mixture(mended, *gate) == 0
    assert check_mixture(mended, *gate, "--fix", "clean.jsonl") == 2
    assert "clean.mine.jsonl is there already" in capsys.readouterr().err


def test_a_sources_own_key_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "mine.jsonl", rows())
    bad = "{path: mine.jsonl, format: {instruction: question}}"
    for command in ("check", "show"):
        settings = f"data.sources={{gone: {{path: gone.jsonl}}, mine: {bad}}}"
        assert main(["data", command, "data=mixture", settings]) == 2
        told = capsys.readouterr().err
        assert "data.sources.gone.path=gone.jsonl: there is no such file" in told
        assert "mine: mine.jsonl: data.sources.mine.format reads 'instruction'" in told


def test_rows_of_a_mixture_are_shown_with_their_source(
    mixture: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "show", "data=mixture", mixture]) == 2
    told = capsys.readouterr().err
    assert "mine: mine.jsonl line 10: output is empty" in told
    assert "others: others.jsonl line 32: is not JSON" in told
    assert check_mixture(mixture, "--fix", "clean.jsonl") == 0
    capsys.readouterr()
    mended = mixture.replace("mine.jsonl", "clean.mine.jsonl").replace("path: o", "path: clean.o")
    sizes = ["data.size=10", "data.val_size=5", "data.max_tokens=2048"]
    assert main(["data", "show", "data=mixture", mended, *sizes, "--rows", "10", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["rows"]
    names = [row["place"].partition(": clean.")[0] for row in shown]
    assert sorted(set(names)) == ["mine", "others"]
    assert names.count("others") == 7  # by the weights
    short = [*sizes[:2], "data.max_tokens=40"]
    assert main(["data", "show", "data=mixture", mended, *short]) == 2
    assert "others: clean.others.jsonl line" in capsys.readouterr().err
