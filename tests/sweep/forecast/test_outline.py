import io
import json

import foresee
from rich.console import Console

from epochwise.sweep.forecast.outline import outline


def printed(outlook):
    console = Console(file=io.StringIO(), width=80)
    console.print(outline(outlook))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def grid(epochs, ranks, **rest):
    return [{"train.epochs": e, "peft.r": r} | rest for e in epochs for r in ranks]


def test_each_trunk_is_a_line_with_its_exits_steps_and_time(experiment):
    text = printed(foresee.outlook(experiment, grid([1, 4], [2, 8]), price=2.5))
    assert "│ peft.r=2: train.epochs=1,4 │ 2 │ 12 │ 12 min │" in text
    assert "4 runs; 4 to train, on 2 trunks" in text
    assert "24 steps, tokens not known, 176 row passes, 20% less than the 220 of every" in text
    assert "about 12 min on 2 workers, 2.00 GiB each, 4.0 GiB on disk, cost 0.50" in text
    assert "left out: model.path=x: is not here" in text


def test_runs_that_are_done_and_doubles_are_told(experiment):
    changes = [*grid([1, 4], [2, 8]), {"train.epochs": 1, "peft.r": 2}]
    text = printed(foresee.outlook(experiment, changes, done=(0, 2)))
    assert "4 runs, 1 more that equal another by their numbers are merged, 2 done already" in text
    assert "2 of them done in multirun/old/2026" in text
    assert "2 to train, on 1 trunk" in text


def test_nothing_left_is_told(experiment):
    text = printed(foresee.outlook(experiment, grid([1], [2]), done=(0,)))
    assert "1 run, 1 done already and reused: nothing is left to train" in text
    assert "worker time" not in text


def test_what_cannot_be_shared_is_told_with_what_would_save(experiment):
    text = printed(foresee.outlook(experiment, grid([1, 4], [2], **{"train.schedule": "cosine"})))
    assert "With train.schedule=wsd they would take" in text


def test_more_trunks_than_a_screen_are_told_by_arm(experiment):
    changes = [{"train.seed": seed, "peft.r": rank} for seed in range(16) for rank in (2, 8)]
    text = printed(foresee.outlook(experiment, changes))
    assert "│ world_1m fp32 lora r2 │ 16 │ 96 │ 1 h 36 min │" in text
    assert "peft.r=2" not in text


def test_what_is_not_known_says_why(experiment):
    text = printed(foresee.outlook(experiment, grid([1], [2]), timing=None))
    assert "not known" in text
    assert "time and memory on 1 worker are not known" in text
    assert "not timed yet: `epochwise plan` on a machine that trains by itself does" in text


def test_json_has_it_all_under_the_names_of_the_estimate(experiment):
    found = foresee.outlook(experiment, grid([1, 4], [2, 8]), done=(0,), price=2.5).json()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, allow_nan=False))
    whole = found["estimate"]
    assert (whole["runs"], whole["trunks"], whole["steps"]) == (3, 2, 24)
    assert (whole["seconds"], whole["peak_memory"], whole["cost"]) == (720, 2.0, 0.5)
    assert sum(trunk["seconds"] for trunk in found["trunks"]) == 1440
    done = [run for run in found["runs"] if run["done_in"]]
    assert [run["overrides"] for run in done] == [{"train.epochs": 1, "peft.r": 2}]
    assert done[0]["trunk"] is None
    assert {run["trunk"] for run in found["runs"]} - {None} == {t["id"] for t in found["trunks"]}
