"""Scripts that train a study in parts; tests/sweep/test_parts.py runs one."""

import itertools
import shlex
import subprocess

import foresee
import pytest
import yaml

from epochwise.compose.overrides import parse
from epochwise.sweep.forecast.scripts import Typed, products, script, spelled

GRID = [
    {"train.epochs": epochs, "peft.r": rank}
    for epochs, rank in itertools.product((1, 4), (2, 4, 8))
]
TYPED = Typed("rank", ["train.epochs=1,4", "peft.r=2,4,8", "data.path=my rows.json"])


@pytest.mark.parametrize(
    "value",
    [
        *(3, -1, 0.004, 1e-4, 1e22, True, False, None, "world_1m", "fp32", "true", "null", "1e3"),
        *("12", "hub:a/b@c", "my rows.json", "it's", "back\\", "\\'", "a,b", "", "x=y", "nan"),
        *(["q_proj", "v_proj"], [1, [2.5, None]], {"instruction": "my question"}, []),
    ],
    ids=repr,
)
def test_values_come_back_as_hydra_reads_them(value):
    assert parse(f"key={spelled(value)}").value() == value


def test_a_grid_is_one_product():
    cells = [{"a": a, "b": b} for a in "123" for b in "xy"]
    assert products(cells) == [{"a": ["1", "2", "3"], "b": ["x", "y"]}]


@pytest.mark.parametrize("left_out", [[0], [0, 4], [1, 2, 5], [0, 1, 2, 3, 4, 6, 7]])
def test_what_is_no_product_is_several_with_each_cell_once(left_out):
    whole = [{"a": a, "b": b, "c": "z"} for a in "12" for b in "wxyz"]
    cells = [cell for place, cell in enumerate(whole) if place not in left_out]
    found = [
        dict(zip(grid, values, strict=True))
        for grid in products(cells)
        for values in itertools.product(*grid.values())
    ]
    assert sorted(map(str, map(sorted, map(dict.items, found)))) == sorted(
        map(str, map(sorted, map(dict.items, cells)))
    )


def commands(text):
    return [shlex.split(line) for line in text.splitlines() if line.startswith("epochwise")]


def test_each_trunk_is_a_command_and_the_sweep_comes_last(experiment):
    *parts, gather = commands(script("commands", foresee.outlook(experiment, GRID), TYPED))
    assert {part[5] for part in parts} == {"peft.r=2", "peft.r=4", "peft.r=8"}
    for number, part in enumerate(parts, 1):
        assert part[:5] == [
            "epochwise",
            "sweep",
            "rank",
            "data.path=my rows.json",
            "train.epochs=1,4",
        ]
        assert part[6:] == [f"study=s_part_{number}"]
    assert gather == ["epochwise", "sweep", "rank", *TYPED.settings, "study=s"]


def test_a_trunk_that_is_no_product_is_several_commands(experiment):
    corner = [
        {"train.epochs": epochs, "data.size": size} for epochs, size in ((1, 8), (2, 8), (1, 22))
    ]
    *parts, _ = commands(script("commands", foresee.outlook(experiment, corner), Typed("x", [])))
    assert [part[3:] for part in parts] == [
        ["train.epochs=1", "data.size=8,22", "study=s_part_1_1"],
        ["train.epochs=2", "data.size=8", "study=s_part_1_2"],
    ]


def test_a_lone_run_without_a_study_file_is_no_default_study(experiment):
    ranks = [{"peft.r": 2}, {"peft.r": 4}]
    *parts, gather = commands(
        script("commands", foresee.outlook(experiment, ranks), Typed(None, []))
    )
    assert [part[1:3] for part in parts] == [["train", "peft.r=2"], ["train", "peft.r=4"]]
    assert gather[1] == "sweep"


def test_runs_that_are_done_are_in_no_part(experiment):
    *parts, _ = commands(script("commands", foresee.outlook(experiment, GRID, done=(0, 3)), TYPED))
    assert {part[5] for part in parts} == {"peft.r=4", "peft.r=8"}


def slurm(text):
    """The two jobs that the script hands in."""
    outer = text.split("'PART'\n")[1]
    return outer.split("\nPART\n")[0], text.split("'GATHER'\n")[1].removesuffix("\nGATHER")


def assert_is_bash(text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_slurm_gets_an_array_as_long_as_there_are_trunks_and_a_job_after_it(experiment):
    text = script("slurm", foresee.outlook(experiment, GRID), TYPED)
    part, gather = slurm(text)
    for each in (text, part, gather):
        assert_is_bash(each)
    assert "#SBATCH --array=0-2" in part
    assert [f"\n{number})\n" in part for number in range(4)] == [True, True, True, False]
    assert "--dependency=afterany:${parts%%;*}" in text
    assert shlex.split(gather.splitlines()[-1])[-1] == "study=s"


def test_slurm_is_asked_for_what_the_plan_foresees(experiment):
    part, _ = slurm(script("slurm", foresee.outlook(experiment, GRID), TYPED))
    assert "#SBATCH --time=36\n" in part  # 12 steps of a minute, three times over
    assert "#SBATCH --mem=4G\n" in part  # 2 GiB and a half, and one beside
    assert "#SBATCH --cpus-per-task=4\n" in part
    assert "gres" not in part
    on_device, _ = slurm(script("slurm", foresee.outlook(experiment, GRID, device="GPU-a"), TYPED))
    assert "#SBATCH --gres=gpu:1\n" in on_device
    assert "--mem" not in on_device, "what is known is the device's"
    unknown, _ = slurm(script("slurm", foresee.outlook(experiment, GRID, timing=None), TYPED))
    assert "--time" not in unknown


def test_the_array_runs_the_trunk_of_its_number(experiment, tmp_path):
    part, _ = slurm(script("slurm", foresee.outlook(experiment, GRID), TYPED))
    tool = tmp_path / "epochwise"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "1"}
    done = subprocess.run(["bash"], input=part, env=environment, capture_output=True, text=True)
    assert "data.path=my rows.json" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "study=s_part_2"


@pytest.mark.parametrize(("nodes", "expected"), [(3, [[1], [2], [3]]), (2, [[1, 3], [2]])])
def test_skypilots_nodes_take_the_trunks_in_turn(experiment, tmp_path, nodes, expected):
    task = yaml.safe_load(script("skypilot", foresee.outlook(experiment, GRID), TYPED))
    assert (task["num_nodes"], task["name"]) == (3, "s")
    assert task["resources"] == {"cpus": "4+", "memory": "4+"}
    assert_is_bash(task["run"])
    tool = tmp_path / "epochwise"
    tool.write_text('#!/bin/sh\nfor last; do :; done; echo "$last"\n')
    tool.chmod(0o755)
    for rank in range(nodes):
        ranks = {"SKYPILOT_NODE_RANK": str(rank), "SKYPILOT_NUM_NODES": str(nodes)}
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"} | ranks
        done = subprocess.run(
            ["bash"], input=task["run"], env=environment, capture_output=True, text=True
        )
        taken = [f"study=s_part_{number}" for number in expected[rank]]
        assert done.stdout.splitlines() == taken
