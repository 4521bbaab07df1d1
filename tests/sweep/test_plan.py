import pytest
from settings import changed

from epochwise.config import Config
from epochwise.sweep.plan import plan

TRACK = {"name": "none", "mode": "auto", "project": "tests", "tags": []}


@pytest.fixture
def planned(experiment):
    def of(*changes):
        rest = {"study": "s", "question": "", "folder": "f", "skip_missing_models": False}
        configs = [
            Config(**dict(changed(experiment, change)), track=TRACK, **rest) for change in changes
        ]
        return plan(configs, [{} for _ in changes])

    return of


def grid(sizes, epochs, **rest):
    return [{"data.size": s, "train.epochs": e} | rest for s in sizes for e in epochs]


def test_runs_that_differ_only_in_epochs_are_exits_of_one_trunk(planned):
    study = planned(*grid([10, 20], [1, 4, 2]))
    assert [[run.train.epochs for run in trunk.runs.values()] for trunk in study.trunks] == [
        [1, 2, 4],
        [1, 2, 4],
    ]
    assert study.row_passes_asked == 10 * 7 + 20 * 7
    assert study.row_passes_trained == 10 * 4 + 20 * 4
    assert study.not_shared == ()


def test_the_largest_trunk_comes_first(planned):
    study = planned(*grid([10], [4]), *grid([20], [1]), *grid([12], [6]))
    assert [trunk.row_passes_trained for trunk in study.trunks] == [72, 40, 20]


def test_runs_keep_the_order_asked_and_know_their_trunk_and_axes(planned):
    study = planned(*grid([20, 10], [2, 1]))
    assert [tuple(run.overrides.values()) for run in study.runs] == [
        (20, 2),
        (20, 1),
        (10, 2),
        (10, 1),
    ]
    assert study.axes == {"data.size": [20, 10], "train.epochs": [2, 1]}
    assert study.settings["train.seed"] == 0
    members = {run_id: trunk.id for trunk in study.trunks for run_id in trunk.runs}
    assert members == {run.id: run.trunk for run in study.runs}


def test_the_same_numbers_asked_twice_are_one_run(planned):
    study = planned({}, {"data.name": "same_rows"}, {"train.epochs": 3})
    assert len(study.runs) == 2
    assert study.row_passes_asked == 22 * 2 + 22 * 3


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_that_looks_at_the_length_shares_nothing_and_says_so(planned, schedule):
    study = planned(*grid([10], [1, 2, 4], **{"train.schedule": schedule}))
    assert [len(trunk.runs) for trunk in study.trunks] == [1, 1, 1]
    assert len({trunk.id for trunk in study.trunks}) == 3
    assert study.row_passes_trained == study.row_passes_asked == 70
    (sentence,) = study.not_shared
    assert sentence.startswith("3 runs differ only in train.epochs")
    assert f"train.schedule={schedule}" in sentence


def test_adalora_shares_nothing(planned):
    adalora = {"name": "adalora", "peft_type": "ADALORA", "init_r": 4, "target_r": 2}
    study = planned(*grid([10], [1, 2], peft=adalora))
    assert [len(trunk.runs) for trunk in study.trunks] == [1, 1]
    assert "AdaLoRA" in study.not_shared[0]


def test_a_lone_cosine_run_has_nothing_to_share(planned):
    assert planned({"train.schedule": "cosine"}).not_shared == ()


def test_what_is_done_is_not_trained_again(planned):
    study = planned(*grid([10, 20], [1, 4]))
    done = [run.id for run in study.runs if run.overrides["data.size"] == 20]
    (trunk,) = study.without([*done, study.runs[1].id]).trunks
    assert [run.label for run in trunk.runs.values()] == [study.runs[0].label]
    assert trunk.id == study.runs[0].trunk
