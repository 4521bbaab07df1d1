import pytest

from epochwise.record import PlannedRun, Study, flat
from epochwise.sweep.axes import axes, extended, named, shared


def study(axes, settings, *overrides):
    runs = tuple(PlannedRun(str(o), f"run {o}", o, "trunk") for o in overrides)
    return Study("name", "why?", "epochwise sweep", axes, settings, runs)


GRID = study(
    {"train.epochs": [1, 2]},
    {"peft.r": 8, "train.learning_rate": 4e-4},
    {"train.epochs": 1},
    {"train.epochs": 2},
)


def test_an_empty_mapping_is_a_value():
    assert flat({"data": {"format": {}}}) == {"data.format": {}}


def test_a_key_that_some_runs_lack_is_an_axis_and_not_shared():
    runs = [{"peft.peft_type": "LORA", "peft.r": 8}, {"peft.peft_type": "IA3"}]
    assert axes(runs) == {"peft.peft_type": ["LORA", "IA3"], "peft.r": [8]}
    assert shared(runs) == {}


def test_what_follows_from_a_name_is_no_axis_of_its_own():
    small = {"model.name": "small", "model.path": "world:1m", "peft.r": 2}
    large = {"model.name": "large", "model.path": "world:4m", "peft.r": 2}
    assert axes([small, large]) == {"model.name": ["small", "large"]}


def test_what_differs_under_one_name_is_an_axis():
    small = {"model.name": "small", "model.weights": "nf4"}
    large = {"model.name": "large", "model.weights": "nf4"}
    both = [small, large, large | {"model.weights": "fp32"}]
    assert axes(both) == {"model.name": ["small", "large"], "model.weights": ["nf4", "fp32"]}


def test_a_larger_grid_adds_its_runs_behind_those_there():
    larger = study(
        {"train.epochs": [2, 4]}, GRID.settings, {"train.epochs": 2}, {"train.epochs": 4}
    )
    union = extended(GRID, larger)
    assert union.axes == {"train.epochs": [1, 2, 4]}
    assert [run.overrides["train.epochs"] for run in union.runs] == [1, 2, 4]


def test_a_run_is_named_by_what_differs_and_its_label_does_not_tell():
    weights = {"data.sources.mine.weight": [1.0, 2.0], "peft.r": [8], "train.batch_size": [4, 8]}
    values = {"data.sources.mine.weight": 2.0, "peft.r": 8, "train.batch_size": 4}
    assert named("a r8", values, weights) == "a r8 mine.weight=2 batch_size=4"
    assert named("a r8", {"peft.r": 8}, weights) == "a r8"


def test_runs_there_get_the_names_of_a_new_axis_and_keep_those_of_the_old():
    first = {"data.sources.mine.weight": 1.0}
    there = study({"data.sources.mine.weight": [1.0]}, {"train.batch_size": 8}, first)
    told = PlannedRun("a", named("run", first, there.axes), first, "trunk")
    there = Study(**vars(there) | {"runs": (told,)})
    now = {"data.sources.mine.weight": 1.0, "train.batch_size": 4}
    other = study({"train.batch_size": [4]}, {"data.sources.mine.weight": 1.0}, now)
    union = extended(there, other)
    assert [run.label for run in union.runs] == [
        "run mine.weight=1 batch_size=8",
        f"run {now} mine.weight=1 batch_size=4",
    ]


def test_a_study_is_told_as_its_last_command_asks():
    now = Study(**vars(GRID) | {"report": {"language": "ja"}})
    assert extended(GRID, now).report == {"language": "ja"}


def test_one_more_axis_gives_the_runs_there_their_place_on_it():
    now = study(
        {"peft.r": [2, 8]},
        {"train.epochs": 4, "train.learning_rate": 4e-4},
        {"peft.r": 2},
        {"peft.r": 8},
    )
    union = extended(GRID, now)
    assert union.axes == {"train.epochs": [1, 2, 4], "peft.r": [8, 2]}
    assert union.settings == {"train.learning_rate": 4e-4}
    assert [(run.overrides["train.epochs"], run.overrides["peft.r"]) for run in union.runs] == [
        (1, 8),
        (2, 8),
        (4, 2),
        (4, 8),
    ]


def test_every_other_setting_is_named_with_both_values():
    other = study(
        GRID.axes, {"peft.r": 16, "train.learning_rate": 1e-3}, *(r.overrides for r in GRID.runs)
    )
    with pytest.raises(ValueError, match=r"peft.r: there 8, now 16") as refused:
        extended(GRID, other)
    assert "train.learning_rate: there 0.0004, now 0.001" in str(refused.value)


def test_the_same_settings_over_other_rows_are_refused():
    changed = study(GRID.axes, GRID.settings)
    run = PlannedRun("other", "label", {"train.epochs": 2}, "trunk")
    changed = Study(**vars(changed) | {"runs": (run,)})
    with pytest.raises(ValueError, match="label: there run .* now other: the same settings"):
        extended(GRID, changed)
