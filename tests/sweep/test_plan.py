import pytest
from settings import changed

from epochwise.config import ONE_DEVICE, Config
from epochwise.sweep.plan import plan

TRACK = {"name": "none", "mode": "auto", "project": "tests", "tags": []}


@pytest.fixture
def planned(experiment):
    """The plan of this experiment with each of the changes; steps are of 8 rows."""

    def of(*changes, slots=1):
        rest = {"study": "s", "question": "", "folder": "f", "skip_missing_models": False}
        rest |= {"track": TRACK, "trainer": ONE_DEVICE.model_dump()}
        configs = [Config(**dict(changed(experiment, change)), **rest) for change in changes]
        return plan(configs, [{} for _ in changes], slots=slots)

    return of


def grid(sizes, epochs, **rest):
    return [{"data.size": s, "train.epochs": e} | rest for s in sizes for e in epochs]


def test_runs_that_differ_only_in_epochs_are_exits_of_one_trunk(planned):
    study = planned(*grid([10], [1, 4, 2]))
    (trunk,) = study.trunks
    assert [run.train.epochs for run in trunk.runs.values()] == [1, 2, 4]
    assert study.row_passes_asked == 10 * 7
    assert study.row_passes_trained == trunk.row_passes == 10 * 4
    assert trunk.steps == 2 * 4
    assert study.not_shared == ()


def test_sizes_share_the_steps_in_which_they_take_the_same_rows(planned):
    (trunk,) = planned(*grid([10, 20], [1, 4])).trunks
    assert len(trunk.runs) == 4
    assert trunk.row_passes == 10 * 4 + 20 * 4 - 8  # the first step
    assert trunk.steps == 2 * 4 + 3 * 4 - 1


def test_an_idle_slot_cuts_a_trunk_where_it_branches(planned):
    one, other = planned(*grid([10, 20], [1, 4]), slots=2).trunks
    assert {run.data.size for run in one.runs.values()} == {20}
    assert {run.data.size for run in other.runs.values()} == {10}
    assert (one.row_passes, other.row_passes) == (80, 40)
    assert one.id != other.id


def test_the_largest_trunk_comes_first(planned):
    study = planned(*({"peft.r": r, "train.epochs": e} for r, e in ((2, 1), (4, 6), (8, 4))))
    assert [trunk.row_passes for trunk in study.trunks] == [22 * 6, 22 * 4, 22]


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
    assert study.duplicates == 1
    assert study.row_passes_asked == 22 * 2 + 22 * 3


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_that_looks_at_the_length_shares_nothing_and_says_what_wsd_would_save(
    planned, schedule
):
    study = planned(*grid([10], [1, 2, 4], **{"train.schedule": schedule}))
    assert [len(trunk.runs) for trunk in study.trunks] == [1, 1, 1]
    assert len({trunk.id for trunk in study.trunks}) == 3
    assert study.row_passes_trained == study.row_passes_asked == 70
    (sentence,) = study.not_shared
    assert sentence.startswith("3 runs differ only in train.epochs")
    assert f"train.schedule={schedule}" in sentence
    # 4 epochs, and the last step of 2 epochs, of 2 rows, which cools down apart; 1 epoch is all
    # warm-up and has no cooldown
    assert "With train.schedule=wsd they would take 42 row passes in place of 70." in sentence


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
    left = study.without([*done, study.runs[1].id])
    (trunk,) = left.trunks
    assert [run.label for run in trunk.runs.values()] == [study.runs[0].label]
    assert trunk.id == study.runs[0].trunk
    assert left.row_passes_trained == left.row_passes_asked == 10
