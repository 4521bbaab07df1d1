"""The quick way of composing equals Hydra's own, and studies may live in the user's folder."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from epochwise.compose.check import checked, plan
from epochwise.compose.grid import spelled
from epochwise.compose.machine import ENOUGH, WORLD_ROWS
from epochwise.compose.overrides import setting
from epochwise.compose.places import conf_folder, config_loader
from epochwise.config import Config
from epochwise.world.generator import MOST_ROWS


def by_hydra(arguments: list[str]) -> Config:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return Config.model_validate(
            OmegaConf.to_container(compose("config", arguments), resolve=True)
        )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train.epochs=4", "peft.r=2", "data.size=32"],
        ["peft=dora", "peft.lora_dropout=0.1", "train=cosine"],
        ["peft=qlora", "model.weights=int8", "track=none"],
        ["train.learning_rate=1e-3", "track.tags=[a,'b c']", "question='What, then?'"],
        ["peft.lora_alpha=${peft.r}", "study=mine-1"],
        ["data.format={instruction: question, output: answer}", "track.project='007'"],
        ["train.micro_batch_size=2", "peft.target_modules=[q_proj,v_proj]"],
    ],
)
def test_quick_composition_equals_hydras(arguments: list[str]) -> None:
    found = plan(arguments)
    assert found.problems == []
    assert found.configs == [by_hydra(arguments)]


def test_a_swept_grid_equals_hydras_one_by_one() -> None:
    found = plan(["train.epochs=1,2", "peft=lora,dora", "peft.r=range(2,6,2)"], sweep=True)
    one_by_one = [
        by_hydra([f"train.epochs={epochs}", f"peft={name}", f"peft.r={rank}"])
        for epochs in (1, 2)
        for name in ("lora", "dora")
        for rank in (2, 4)
    ]
    assert found.configs == one_by_one


def test_jobs_spelled_out_by_the_sweeper_give_the_same_plan() -> None:
    arguments = [
        "peft=lora,dora",
        "train.learning_rate=1e-3,0.1",
        "track.tags=[a],['b, c']",
        "question='\\'',null_,'null'",
        "data.format=alpaca,{input: '${study}'}",
        "peft.lora_alpha=${peft.r},2.5",
    ]
    with config_loader(None) as loader:
        jobs = spelled([setting(argument, loader) for argument in arguments])
        found = checked(loader, "config", jobs)
    assert len(found.configs) == 2 * 2 * 2 * 3 * 2 * 2
    assert found == plan(arguments, sweep=True)


def test_overrides_are_the_typed_values_of_what_differs() -> None:
    found = plan(["track=none", "peft=lora,dora", "train.learning_rate=1e-3,2e-3"], sweep=True)
    assert found.overrides == [
        {"peft": "lora", "train.learning_rate": 0.001},
        {"peft": "lora", "train.learning_rate": 0.002},
        {"peft": "dora", "train.learning_rate": 0.001},
        {"peft": "dora", "train.learning_rate": 0.002},
    ]


def test_a_glob_compares_all_files_of_a_group() -> None:
    found = plan(["train=glob(*,exclude=smoke)"], sweep=True)
    assert [cell["train"] for cell in found.overrides] == ["cosine", "default", "linear", "wsd"]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of the user's own, in ./experiments."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    file = tmp_path / "experiments" / "mine.yaml"
    file.write_text(
        """
defaults: [config, override peft: dora, _self_]
train: {seed: 7}
hydra: {sweeper: {params: {train.epochs: '1,2', data.size: [32, 64]}}}
"""
    )
    return file


def test_a_study_of_ones_own_composes(mine: Path) -> None:
    found = plan(["peft.r=4"], "mine", sweep=True)
    assert found.problems == []
    cells = [(c.train.epochs, c.data.size) for c in found.configs]
    assert cells == [(1, 32), (1, 64), (2, 32), (2, 64)]
    assert {(c.peft.name, c.peft.rank, c.train.seed) for c in found.configs} == {("dora", 4, 7)}


def test_the_command_line_replaces_an_axis_of_the_study(mine: Path) -> None:
    found = plan(["train.epochs=8"], "mine", sweep=True)
    assert [(c.train.epochs, c.data.size) for c in found.configs] == [(8, 32), (8, 64)]


def test_one_run_of_a_study_leaves_its_axes_out(mine: Path) -> None:
    assert len(plan([], "mine", sweep=False).configs) == 1


def test_ones_own_study_hides_a_shipped_one_of_the_same_name(mine: Path) -> None:
    mine.rename(mine.with_name("rank.yaml"))
    assert len(plan([], "rank", sweep=True).configs) == 4


def test_a_study_may_build_on_another(mine: Path) -> None:
    mine.with_name("more.yaml").write_text("defaults: [mine, _self_]\ntrain: {seed: 8}\n")
    found = plan([], "more", sweep=True)
    assert found.problems == []
    assert {(c.peft.name, c.train.seed) for c in found.configs} == {("dora", 8)}


def test_the_world_has_as_many_rows_as_the_check_believes() -> None:
    assert WORLD_ROWS == MOST_ROWS
    assert plan([f"data.size={WORLD_ROWS}"]).problems
    assert plan([f"data.size={ENOUGH - 1000}"]).problems == []


def test_missing_models_are_left_out_on_request() -> None:
    axis = "model.path=world:1m,absent.gguf"
    found = plan([axis, "skip_missing_models=true"], sweep=True)
    assert [config.model.path for config in found.configs] == ["world:1m"]
    assert found.problems == []
    assert found.skipped == ["model.path=absent.gguf: there is no file absent.gguf"]
    assert plan([axis], sweep=True).problems == found.skipped


def test_a_study_of_nothing_but_missing_models_is_a_mistake() -> None:
    found = plan(["model.path=absent.gguf", "skip_missing_models=true"])
    assert found.problems == ["skip_missing_models=true: leaves no run; none of the models is here"]
