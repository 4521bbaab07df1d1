"""The README's commands are run as written, and its map is the tree."""

import json
import re
import shlex
from pathlib import Path

import pytest

from epochwise.cli import COMMANDS, main
from epochwise.compose.check import check
from epochwise.record import Study, is_done

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> list[str]:
    inside = README.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [line for line in inside.splitlines() if line and not line.startswith("```")]


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in block("commands")]


def test_every_command_is_in_the_readme() -> None:
    assert {words[1] for words in commands()} == set(COMMANDS)
    assert {words[0] for words in commands()} == {"epochwise"}


@pytest.mark.parametrize(
    "words", [words for words in commands() if words[1] in ("train", "sweep")], ids=" ".join
)
def test_each_setting_in_the_readme_is_accepted(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_file: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = json.loads(rows_file.read_text(encoding="utf-8"))
    (tmp_path / "my.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    settings = [word for word in words[2:] if "=" in word]
    if "data=file" in settings:
        settings += ["data.val_size=20", "data.size=40"]
    named = words[2] if words[1] == "sweep" and "=" not in words[2] else "config"
    assert check(settings, named, sweep=words[1] == "sweep") == []


def in_docs() -> list[list[str]]:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "docs").glob("*.md")]
    found = [line for text in texts for line in re.findall(r"`(epochwise [^`]+)`", text)]
    return [words for line in found if (words := shlex.split(line))[1] in ("sweep", "plan")]


@pytest.mark.parametrize("words", in_docs(), ids=" ".join)
def test_each_setting_in_the_docs_is_accepted(words: list[str]) -> None:
    settings = [word for word in words[3:] if "=" in word]
    assert settings or words[1] == "plan"
    assert check(settings, words[2], sweep=True) == []


def test_a_study_is_swept_continued_reported_and_reproduced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["sweep", "data.size=12", "data.val_size=12", "train.epochs=1,2", "peft=lora,dora"]
    assert main(small) == 0
    report = tmp_path / capfd.readouterr().out.splitlines()[-1]
    study = report.parent
    runs = sorted((study / "runs").iterdir())
    assert [is_done(run) for run in runs] == [True] * 4
    assert Study.load(study).axes == {"peft.name": ["lora", "dora"], "train.epochs": [1, 2]}
    written = {run: (run / "DONE").stat().st_mtime_ns for run in runs}
    assert main(small) == 0
    assert "4 runs, 4 done already" in capfd.readouterr().err
    assert {run: (run / "DONE").stat().st_mtime_ns for run in runs} == written
    assert main(["status", str(study)]) == 0
    assert "4 runs: 4 done; no command is working on it" in capfd.readouterr().out
    assert main(["plan", *small[1:]]) == 0
    assert "4 runs" in capfd.readouterr().out
    assert main(["judge", str(runs[0])]) == 0
    assert "still_improving" in capfd.readouterr().out
    for results in (study, study / "results.csv"):
        assert main(["advise", str(results)]) == 0
        assert "epochs" in capfd.readouterr().out
    assert main(["evaluate", str(study), "--limit", "3", "--max-new-tokens", "4"]) == 0
    assert all((run / "quality.json").is_file() for run in runs)
    report.unlink()
    assert main(["report", str(study)]) == 0
    assert report.is_file()
    assert main(["reproduce", str(runs[0])]) == 0
    assert "equal" in capfd.readouterr().out


def test_the_map_is_the_tree() -> None:
    named = {line.split()[0].rstrip("/") for line in block("map")}
    source = ROOT / "src" / "epochwise"
    parts = [path for path in source.iterdir() if path.suffix == ".py" or path.is_dir()]
    groups = [path for path in (ROOT / "conf").iterdir() if path.is_dir()]
    top = ["conf", "experiments", "src/hydra_plugins", "tests", "benchmarks"]
    ours = [path for path in (*parts, *groups) if not path.name.startswith("__")]
    assert named == {*top, *(str(path.relative_to(ROOT)) for path in ours)}


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.M)) <= targets
