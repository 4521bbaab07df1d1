"""Runs that a study's own finding asks for."""

from dataclasses import replace

import pytest

from epochwise.compose.check import plan
from epochwise.diagnose.finding import find
from epochwise.diagnose.seeds import NextSeeds, SeedNeed
from epochwise.record import Study, read_json
from epochwise.sweep.further import Further, by_id
from epochwise.sweep.launch import Launch
from epochwise.sweep.study import carry_out


@pytest.fixture
def configs():
    return plan(["train.epochs=1,2", "train.seed=0,1", "data.size=8"], sweep=True).configs


def finding(configs, *, run=0, needs=()):
    ids = list(by_id(configs))
    cells = tuple(SeedNeed({}, ids[number], 0.5, "") for number in needs)
    return replace(find([], {}), run=ids[run], next_seeds=NextSeeds(cells, 0.1, 2))


def test_the_guard_is_the_recommended_run_at_half_and_at_twice_its_rate(configs):
    found = Further(guard=True, seeds=0).runs(finding(configs), by_id(configs))
    assert [config.train.learning_rate for config in found] == [2e-4, 8e-4]
    assert [config.train.epochs for config in found] == [1, 1]


def test_seeds_are_spent_in_turn_on_the_cells_and_none_twice(configs):
    said = finding(configs, needs=(0, 2))
    found = Further(guard=False, seeds=3).runs(said, by_id(configs))
    epochs = [configs[0].train.epochs, configs[2].train.epochs]
    assert [(config.train.epochs, config.train.seed) for config in found] == [
        (epochs[0], 2),
        (epochs[1], 2),
        (epochs[0], 3),
    ]


def test_a_run_of_an_earlier_command_is_not_guessed_at(configs):
    said = finding(configs, needs=(0,))
    assert Further(guard=True, seeds=2).runs(said, {}) == []


def test_a_guarded_study_ends_with_the_rates_checked(tmp_path, capfd):
    small = ["train.epochs=1,2", "data.size=16", "data.val_size=20", "track=none"]
    found = plan([*small, f"folder={tmp_path}", "study=guarded"], sweep=True)
    launch = Launch(guard=True, seeds_where_needed=1)
    assert carry_out(found.configs, overrides=found.overrides, launch=launch) == 0
    (folder,) = (tmp_path / "guarded").iterdir()
    study = Study.load(folder)
    assert len(study.runs) == 2 + 2
    assert study.axes["train.learning_rate"] == [4e-4, 2e-4, 8e-4]
    finding = read_json(folder / "finding.json")
    assert finding["cell"]["train.learning_rate"] == 8e-4, "two epochs of 16 rows learn too slowly"
    assert "at 0.0004 and 0.0016" in finding["guard"]["sentence"]
    told = capfd.readouterr().err
    assert "its finding is sure: no further seed is needed" in told
    assert told.count("its finding asks for") == 2
