"""A plan as scripts for machines that share a folder: a command for each trunk, and one to gather.

A part is a study of its own, NAME_part_N. The sweep itself comes last: it finds all runs by their
ids under the same folder, and has nothing left to do but to judge and report them.
"""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from epochwise.diagnose.cells import count
from epochwise.sweep.forecast.estimate import Forecast, brief
from epochwise.sweep.forecast.outlook import Outlook
from epochwise.sweep.plan import Trunk
from epochwise.sweep.slots import Slot

Format = Literal["commands", "slurm", "skypilot"]
LONGEST_NAME = 48  # letters of a study's name before _part_N: 64 are allowed
PLAIN = re.compile(r"[A-Za-z_/.][\w./-]*")  # words that Hydra reads as they are
SPECIAL = ("true", "false", "null", "nan", "inf")
SLACK = 3  # times the estimate is what a cluster is asked for: other machines are slower
LEAST_MINUTES = 10
MARGIN = 1.0  # GiB beside a worker: the command itself and its libraries

Grid = dict[str, list[str]]  # key -> values, as they are written


class Typed(NamedTuple):
    """The sweep as it was typed, in parts."""

    study_file: str | None
    settings: Sequence[str]
    """key=value; those of the axes among them."""


class Script(NamedTuple):
    """A study as scripts are made of it."""

    outlook: Outlook
    parts: list[list[str]]
    """The commands of each trunk, one after the other."""
    gather: str


def script(form: Format, outlook: Outlook, typed: Typed) -> str:
    """The text of a script; each trunk is to have what it would have of this machine."""
    parts = [
        _commands(trunk, number, outlook, typed)
        for number, trunk in enumerate(outlook.left.trunks, 1)
    ]
    made = Script(outlook, parts, _command(typed, {}, outlook.study))
    match form:
        case "commands":
            return _plain(made)
        case "slurm":
            return _slurm(made, outlook.slot)
        case "skypilot":
            return _skypilot(made, outlook.slot)


def products(cells: Sequence[Mapping[str, str]]) -> list[Grid]:
    """Grids that together have just these cells, each once; few, if not the fewest.

    >>> products([{"a": "1", "b": "3"}, {"a": "2", "b": "3"}, {"a": "1", "b": "4"}])
    [{'a': ['1'], 'b': ['3', '4']}, {'a': ['2'], 'b': ['3']}]
    """
    keys = list(cells[0])
    whole = {key: list(dict.fromkeys(cell[key] for cell in cells)) for key in keys}
    if math.prod(map(len, whole.values())) == len(cells):
        return [whole]
    splits = [_split(cells, key, whole[key]) for key in keys if len(whole[key]) > 1]
    return min(splits, key=len)


def _split(cells: Sequence[Mapping[str, str]], key: str, values: Sequence[str]) -> list[Grid]:
    """One grid or more for each value of `key`; values with the same cells go together."""
    alike: dict[frozenset[tuple[str, ...]], list[str]] = {}
    for value in values:
        rest = [tuple(c[k] for k in c if k != key) for c in cells if c[key] == value]
        alike.setdefault(frozenset(rest), []).append(value)
    grids = []
    for together in alike.values():
        inside = [dict(cell) for cell in cells if cell[key] == together[0]]
        grids += [grid | {key: together} for grid in products(inside)]
    return grids


def spelled(value: Any) -> str:
    """The value as Hydra reads it.

    >>> spelled(0.004), spelled(None), spelled("world_1m"), spelled(["q", "k v"])
    ('0.004', 'null', 'world_1m', "[q,'k v']")
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{','.join(map(spelled, value))}]"
        case dict():
            return f"{{{','.join(f'{key}:{spelled(item)}' for key, item in value.items())}}}"
        case str() if not PLAIN.fullmatch(value) or value.lower() in SPECIAL:
            escaped = re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + "\\'" * bool(end[2]), value)
            return f"'{escaped}'"
    return str(value)


def _commands(trunk: Trunk, number: int, outlook: Outlook, typed: Typed) -> list[str]:
    cells = [
        {key: spelled(run.overrides[key]) for key in outlook.swept}
        for run in outlook.asked.runs
        if run.id in trunk.runs
    ]
    grids = products(cells) if outlook.swept else [{}]
    name = f"{outlook.study[:LONGEST_NAME]}_part_{number}"
    names = [name] if len(grids) == 1 else [f"{name}_{n}" for n in range(1, len(grids) + 1)]
    return [_command(typed, grid, name) for grid, name in zip(grids, names, strict=True)]


def _command(typed: Typed, axes: Grid, study: str) -> str:
    """The sweep with these axes in place of its own."""
    given = [text for text in typed.settings if text.partition("=")[0] not in (*axes, "study")]
    grid = [f"{key}={','.join(values)}" for key, values in axes.items()]
    file = [] if typed.study_file is None else [typed.study_file]
    # One run and no study file: `sweep` would take it for settings of the default study
    lone = bool(axes) and not file and all(len(values) == 1 for values in axes.values())
    verb = "train" if lone else "sweep"
    return shlex.join(["epochwise", verb, *file, *given, *grid, f"study={study}"])


def _plain(made: Script) -> str:
    trunks = count(len(made.parts), "trunk")
    return "\n".join(
        [
            f"# {made.outlook.study}: {trunks}, {brief(made.outlook.foretold.estimate)}.",
            "# Each line may run on any machine that shares this folder.",
            *(command for commands in made.parts for command in commands),
            "# When all have ended: finds their runs, trains what is missing, writes the report.",
            made.gather,
        ]
    )


def _slurm(made: Script, slot: Slot) -> str:
    """Hands itself in: an array, and a job that waits for all of it."""
    name = made.outlook.study
    common = [f"#SBATCH --cpus-per-task={slot.threads}", "#SBATCH --output=slurm-%x-%A_%a.log"]
    each = [
        "#!/bin/bash",
        f"#SBATCH --job-name={name}",
        f"#SBATCH --array=0-{len(made.parts) - 1}",
        *_limits(made.outlook.foretold.forecasts, slot),
        *common,
        *_cases(made.parts, "$SLURM_ARRAY_TASK_ID"),
    ]
    last = ["#!/bin/bash", f"#SBATCH --job-name={name}_gather", *common, made.gather]
    return "\n".join(
        [
            "#!/bin/bash",
            f"# {name}: run this file with bash where sbatch is, in the folder of the study.",
            "set -eu",
            "parts=$(sbatch --parsable <<'PART'",
            *each,
            "PART",
            ")",
            "sbatch --dependency=afterany:${parts%%;*} <<'GATHER'",
            *last,
            "GATHER",
        ]
    )


def _limits(forecasts: Sequence[Forecast], slot: Slot) -> list[str]:
    """What a cluster wants to be told. What is not known is left to its own defaults."""
    limits = [] if slot.device is None else ["#SBATCH --gres=gpu:1"]
    seconds = [
        each.seconds + each.timing.load
        for each in forecasts
        if each.timing is not None and each.seconds is not None
    ]
    if not forecasts or len(seconds) < len(forecasts):
        return limits
    minutes = max(LEAST_MINUTES, math.ceil(SLACK * max(seconds) / 60))
    limits.append(f"#SBATCH --time={minutes}")
    if slot.device is None:  # on a device it is the device's memory that is known
        limits.append(f"#SBATCH --mem={_memory(forecasts)}G")
    return limits


def _memory(forecasts: Sequence[Forecast]) -> int:
    peaks = [each.timing.peak_memory for each in forecasts if each.timing is not None]
    return math.ceil(1.5 * max(peaks, default=0.0) + MARGIN)


def _cases(parts: Sequence[Sequence[str]], number: str) -> list[str]:
    lines = [f'case "{number}" in']
    for place, commands in enumerate(parts):
        lines += [f"{place})", *(f"  {command}" for command in commands), "  ;;"]
    return [*lines, "esac"]


def _skypilot(made: Script, slot: Slot) -> str:
    """A task whose nodes take the trunks in turn."""
    outlook = made.outlook
    known = outlook.foretold.estimate.peak_memory is not None and slot.device is None
    memory = [f"  memory: {_memory(outlook.foretold.forecasts)}+"] if known else []
    device = [] if slot.device is None else ["  # accelerators: H100:1 # what your cloud offers"]
    run = [
        f'for part in $(seq "$SKYPILOT_NODE_RANK" "$SKYPILOT_NUM_NODES" {len(made.parts) - 1}); do',
        *_cases(made.parts, "$part"),
        "done",
    ]
    return "\n".join(
        [
            f"# {outlook.study}: sky launch this file. The study's folder must be on storage that",
            "# all nodes share (file_mounts). When all have ended, in the same folder:",
            f"#   {made.gather}",
            f"name: {re.sub(r'[^a-z0-9-]+', '-', outlook.study.lower())}",
            f"num_nodes: {max(1, len(made.parts))}",
            "resources:",
            f"  cpus: {slot.threads}+",
            *memory,
            *device,
            "workdir: .",
            "setup: pip install epochwise",
            "run: |",
            *(f"  {line}" for line in run),
        ]
    )
