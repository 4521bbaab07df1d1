"""One trunk on one screen: config -> model -> data -> base losses -> training -> records.

A run alone is a trunk with one exit: there is no other code path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from epochwise.config import ONE_DEVICE, Experiment, TrainerConfig
from epochwise.data.prepare import prepare
from epochwise.data.rows import digest
from epochwise.evaluate.examine import examination
from epochwise.model.adapter import add_adapter, build_optimizer
from epochwise.model.module import FineTuner
from epochwise.model.pretrained import copy_for, load_pretrained
from epochwise.model.ranks import ALONE, Ranks
from epochwise.model.sharded import shard
from epochwise.record import Tick
from epochwise.train.board import Board
from epochwise.train.memory import forget_peak
from epochwise.train.provenance import made_with, provenance
from epochwise.train.state import State
from epochwise.train.stop import Stop
from epochwise.train.trainer import Watch
from epochwise.train.trajectory import Paths, stretch
from epochwise.train.trunk import Surroundings, Trunk
from epochwise.train.untuned import Untuned


@dataclass(frozen=True)
class Manner:
    """How a trunk is carried out; no number depends on it."""

    name: str = "trunk"
    """States are kept under trunks/NAME, and what an earlier attempt kept there is taken up."""
    config: TrainerConfig = ONE_DEVICE
    command: str = ""
    """What was typed, for provenance."""
    stop: Stop = Stop(Path("nowhere"))
    ranks: Ranks = ALONE
    """This process's place among those that train these runs together."""
    leave_in: Path | None = None
    """Where the runs' folders go, if not into the study's: only the first rank's are kept."""
    alive: Callable[[], None] = lambda: None
    """Told with every batch, so that a hang is noticed."""
    may_publish: Callable[[], None] = lambda: None
    """Raises when another attempt has taken this one's place."""


def run_trunk(
    runs: dict[str, Experiment],
    folder: Path,
    *,
    on_step: Callable[[Tick], None] = lambda tick: None,
    manner: Manner = Manner(),
) -> None:
    """Train every step that these runs share once; each leaves when it has taken its last.

    Args:
        runs: Run id -> experiment; all start from the same untrained state.
        folder: The study's. Each run leaves runs/ID in it, exactly as if it had run alone.
        on_step: Told of every optimizer step.

    Raises:
        Stopped: It was asked for, and obeyed after a step; the state is kept.
    """
    forget_peak()
    first = next(iter(runs.values()))
    device = manner.ranks.device
    base, tokenizer, weights, licence = load_pretrained(first.model, device)
    origin = {"digest": digest(first.data)}
    paths = Paths()
    tree = stretch({key: paths.of(run, origin["digest"]) for key, run in runs.items()})
    around = Surroundings(
        runs=runs,
        data={run.data.size: prepare(run.data, run.evaluate, tokenizer) for run in runs.values()},
        pad_id=tokenizer.pad_token_id,
        trunks=folder / "trunks",
        name=manner.name,
        made_with=made_with(weights),
        config=manner.config,
        watch=Watch(manner.stop, manner.alive, manner.ranks),
        on_step=on_step,
    )
    examine = examination(runs.values() if manner.ranks.is_first else (), manner.alive)
    board = Board(runs, manner.leave_in or folder, manner.may_publish, examine=examine)
    board.open(provenance(data=origin, model=weights, license=licence, command=manner.command))

    untrained = copy_for(first, base)
    bare = FineTuner(untrained, untrained.get_output_embeddings(), first, ranks=manner.ranks)
    curves = Untuned(bare, folder / "base", around).curves()
    tuner = untrained_tuner(first, base, total_steps=tree.last, manner=manner)
    Trunk(State(tuner, curves), board, tree, around).follow(tree)


def untrained_tuner(
    run: Experiment, base: PreTrainedModel, *, total_steps: int, manner: Manner = Manner()
) -> FineTuner:
    """A copy of the base model with its adapter and optimizer, before the first step."""
    model = copy_for(run, base)
    head = model.get_output_embeddings()
    adapted = add_adapter(model, run.peft, seed=run.train.seed, total_steps=total_steps)
    if manner.config.strategy == "fsdp":
        shard(adapted, model, manner.ranks)
    rates = {"learning_rate": run.train.learning_rate, "weight_decay": run.train.weight_decay}
    optimizer = build_optimizer(adapted, run.peft, **rates)
    return FineTuner(adapted, head, run, optimizer, ranks=manner.ranks)
