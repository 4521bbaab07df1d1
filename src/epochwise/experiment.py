"""One trunk on one screen: config -> model -> data -> base losses -> training -> records.

A run alone is a trunk with one exit: there is no other code path.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from epochwise.config import Experiment
from epochwise.data.batch import steps_per_epoch
from epochwise.data.module import Rows
from epochwise.data.prepare import prepare
from epochwise.data.rows import digest
from epochwise.model.adapter import add_adapter
from epochwise.model.module import FineTuner
from epochwise.model.pretrained import load_pretrained
from epochwise.record import Tick
from epochwise.train.provenance import provenance
from epochwise.train.schedule import schedule
from epochwise.train.trainer import build_trainer
from epochwise.train.trunk import Trunk


def run_trunk(
    runs: dict[str, Experiment],
    folder: Path,
    *,
    on_step: Callable[[Tick], None],
    command: str = "",
) -> None:
    """Train once, to the end of the longest run; the others leave on the way.

    Args:
        runs: Run id -> experiment; they differ only in train.epochs.
        folder: The study's. Each run leaves runs/ID in it, exactly as if it had run alone.
        on_step: Told of every optimizer step.
        command: What was typed, for provenance.
    """
    longest = max(runs.values(), key=lambda run: run.train.epochs)
    train, weights = longest.train, longest.model.weights
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    base, tokenizer, fingerprint = load_pretrained(longest.model, device)
    data = prepare(longest.data, longest.evaluate, tokenizer)
    pad_id = tokenizer.pad_token_id
    batches = Rows(data, train=train, evaluate=longest.evaluate, pad_id=pad_id)
    steps = steps_per_epoch(longest.data.size, train.batch_size) * train.epochs

    trunk = Trunk(runs, folder, data, steps=steps, on_step=on_step)
    origin = {"digest": digest(longest.data)}
    trunk.open(provenance(data=origin, model=fingerprint, command=command))
    share = schedule(train.schedule, warmup=train.warmup_steps, total=steps)
    head = base.get_output_embeddings()

    trainer = build_trainer(train, weights, trunk.recorder)
    trainer.validate(FineTuner(base, head, longest, share), batches, verbose=False)  # epoch 0
    model = add_adapter(base, longest.peft, seed=train.seed, total_steps=steps)
    trainer.fit(FineTuner(model, head, longest, share), batches)
