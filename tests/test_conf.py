"""Every file of conf/ and experiments/ composes, and says what it is."""

import re
from pathlib import Path

import peft
import pytest
from omegaconf import OmegaConf

from epochwise.compose.check import Plan, plan
from epochwise.compose.places import conf_folder
from epochwise.config import WHOLE_MODEL

CONF = conf_folder()
GROUPS = ("data", "model", "peft", "train", "evaluate", "track")
CHOICES = [(group, file.stem) for group in GROUPS for file in sorted((CONF / group).glob("*.yaml"))]
STUDIES = sorted((CONF.parent / "experiments").glob("*.yaml"))
FILES = [*sorted(CONF.rglob("*.yaml")), *STUDIES]
GIVEN = {
    "file": "data.path=rows.json",
    "mixture": "data.sources={mine: {path: rows.json}}",
    "folder": "model.path=my",
    "gguf": "model.path=my.gguf",
}
# What a machine may lack: files of the user's own, and a package that is an extra.
ABSENT = (
    "track.name=",
    "data.path=rows.json",
    "data.sources.mine.path=rows.json",
    "model.path=my",
    "model.path=my.gguf",
    "model.path=package:",
)


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_choice_composes(group: str, name: str) -> None:
    arguments = [f"{group}={name}", *([GIVEN[name]] if name in GIVEN else [])]
    problems = plan(arguments).problems
    assert [line for line in problems if not line.startswith(ABSENT)] == []


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_choice_is_named_like_its_file(group: str, name: str) -> None:
    content = OmegaConf.load(CONF / group / f"{name}.yaml")
    named = OmegaConf.select(content, "peft.name" if name == "qlora" else "name")
    assert group == "train" or named == name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_begins_with_the_command_that_uses_it(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if "@package" not in line]
    assert re.match(r"# (epochwise (train|sweep) )", lines[0])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_file_names_code(file: Path) -> None:
    assert "_target_" not in file.read_text()


@pytest.mark.parametrize("name", [name for group, name in CHOICES if group == "peft"])
def test_a_method_is_what_peft_takes(name: str) -> None:
    [config] = composed([f"peft={name}"]).configs
    if config.peft.peft_type in WHOLE_MODEL:
        assert not config.peft.arguments.keys() - {"layers"}
        return
    arguments = config.peft.arguments
    arguments.pop("loraplus_lr_ratio", None)
    steps = {"total_step": 100} if config.peft.peft_type == "ADALORA" else {}
    made = peft.get_peft_config(
        {"peft_type": config.peft.peft_type, "task_type": "CAUSAL_LM", **arguments, **steps}
    )
    assert made.peft_type == config.peft.peft_type


def test_qlora_wins_over_the_model_and_loses_to_the_command_line() -> None:
    assert composed(["peft=qlora", "model=world_1m"]).configs[0].model.weights == "nf4"
    int8 = composed(["model.weights=int8", "peft=qlora"]).configs[0]
    assert int8.model.weights == "int8"


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_study_composes(file: Path, rows_file: Path) -> None:
    # what a machine may lack, the user's rows and a model from a package, small things stand for
    own = "override data: file" in file.read_text(encoding="utf-8")
    lacking = [f"data.path={rows_file}", "model.path=world:1m"] if own else []
    found = plan(lacking, file.stem, sweep=True)
    assert found.problems == []
    assert {config.study for config in found.configs} == {file.stem}
    assert all(config.question.endswith("?") for config in found.configs)


def test_the_default_study_is_the_whole_grid() -> None:
    found = composed([], "epochs_vs_size")
    cells = {(c.train.epochs, c.data.size, c.peft.rank) for c in found.configs}
    assert len(found.configs) == len(cells) == 5 * 3 * 2


def test_a_rank_study_keeps_alpha() -> None:
    alphas = {config.peft.arguments["lora_alpha"] for config in composed([], "rank").configs}
    assert alphas == {32}


def composed(arguments: list[str], name: str = "config") -> Plan:
    found = plan(arguments, name, sweep=True)
    assert found.problems == []
    return found
