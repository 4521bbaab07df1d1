"""Small things made on the spot: rows, a base model, an experiment. Nothing is downloaded."""

import json
import os
import shutil
import tempfile
from pathlib import Path

os.environ |= {
    "XDG_CACHE_HOME": tempfile.mkdtemp(prefix="epochwise-cache-"),  # what tests keep is nobody's
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",  # workers of pytest share the cores: two threads each are slower
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_MODE": "offline",
}

import pytest

from epochwise.config import Experiment
from epochwise.world import model_folder
from epochwise.world.generator import rows


def pytest_sessionfinish() -> None:
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 rows of the world, so that tests need not generate 20,000."""
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    path.write_text(json.dumps(rows(240)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer with random weights and the world's tokenizer: for tests of many trainings."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny_base")
    tokenizer = AutoTokenizer.from_pretrained(model_folder("1m"))
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    config = LlamaConfig(vocab_size=len(tokenizer), num_attention_heads=2, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def experiment(rows_file: Path) -> Experiment:
    """The 1M model, LoRA with dropout, shuffling and accumulation: everything that can go wrong."""
    return Experiment.model_validate(
        {
            "data": {
                "name": "file",
                "path": str(rows_file),
                "format": "alpaca",
                "size": 22,
                "val_size": 12,
                "seed": 0,
                "max_tokens": 128,
                "too_long": "error",
                "train_on": "response",
            },
            "model": {
                "name": "world_1m",
                "path": "world:1m",
                "weights": "fp32",
                "template": "own",
            },
            "peft": {
                "name": "lora",
                "peft_type": "LORA",
                "r": 4,
                "lora_alpha": 32,
                "lora_dropout": 0.1,
                "target_modules": "all-linear",
            },
            "train": {
                "epochs": 2,
                "learning_rate": 4e-3,
                "batch_size": 8,
                "micro_batch_size": 3,
                "schedule": "constant",
                "cooldown": 0.2,
                "warmup_steps": 2,
                "weight_decay": 0.01,
                "clip_norm": 1.0,
                "seed": 0,
                "max_skipped_steps": 0,
            },
            "evaluate": {"name": "loss", "probe_size": 10, "batch_size": 5},
        }
    )
