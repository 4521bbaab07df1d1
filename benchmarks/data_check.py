"""A million rows through `epochwise data check`, with near copies planted; datasketch beside it.

    python benchmarks/data_check.py [ROWS]

Needs `pip install datasketch` for the ratio. The peer does the near-duplicate search alone, on
fewer rows, as it would take hours and all memory; it works on the same words and word pairs.
"""

import json
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from planted_rows import Planted, planted

from epochwise.cli import main
from epochwise.data.check.near import near

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
PEER_ROWS = 20_000
EVERY = 100


def whole(made: Planted) -> None:
    """The command as typed, on a file of questions and answers."""
    with tempfile.TemporaryDirectory() as folder:
        file, told = Path(folder) / "rows.jsonl", Path(folder) / "told.json"
        with file.open("w") as out:
            for number, text in enumerate(made.texts):
                row = {"instruction": text, "output": f"It is answer number {number} of all."}
                out.write(json.dumps(row) + "\n")
        size = file.stat().st_size / 2**20
        count, copies = len(made.texts), len(made.copies)
        made.texts.clear()  # what the command itself needs is to be measured
        stdout, sys.stdout = sys.stdout, told.open("w")
        start, began = time.perf_counter(), time.process_time()
        settings = ["data=file", f"data.path={file}", "data.size=100000", "data.max_tokens=512"]
        status = main(["data", "check", *settings, "data.too_long=drop", "--json"])
        seconds, busy = time.perf_counter() - start, time.process_time() - began
        sys.stdout.close()
        sys.stdout = stdout
        report = json.loads(told.read_text())
    found = {each["name"]: each["count"] for each in report["findings"]}
    print(f"command: {count:,} rows ({size:.0f} MB) in {seconds:.0f} s, exit status {status}")
    print(f"  processor time {busy:.0f} s: on a machine that does other work, this is what counts")
    print(f"  near duplicates told {found['duplicates_near']:,}, planted {copies:,}")


def search(made: Planted) -> float:
    start = time.perf_counter()
    found = {(pair.first, pair.second) for pair in near(made.texts).pairs}
    seconds = time.perf_counter() - start
    planted_pairs = set(made.copies)
    recall = len(found & planted_pairs) / len(planted_pairs)
    print(
        f"search alone: {len(made.texts):,} texts in {seconds:.1f} s, recall {recall:.4f},"
        f" false alarms {len(found - planted_pairs)}"
    )
    return seconds


def peer(made: Planted) -> float:
    """Seconds of datasketch with as many hash functions, on the same shingles."""
    from datasketch import MinHash, MinHashLSH

    start = time.perf_counter()
    index = MinHashLSH(num_perm=96, params=(24, 4))
    pairs = set()
    for number, text in enumerate(made.texts):
        words = text.split()
        sketch = MinHash(num_perm=96)
        shingles = {*words, *map(" ".join, pairwise(["", *words, ""]))}
        sketch.update_batch([shingle.encode() for shingle in shingles])
        pairs |= {(other, number) for other in index.query(sketch)}
        index.insert(number, sketch)
    seconds = time.perf_counter() - start
    recall = len(pairs & set(made.copies)) / len(made.copies)
    print(
        f"datasketch: {len(made.texts):,} texts in {seconds:.1f} s, recall {recall:.4f},"
        f" unconfirmed pairs beside them {len(pairs - set(made.copies))}"
    )
    return seconds


if __name__ == "__main__":
    small = planted(PEER_ROWS, every=EVERY)
    ours = search(small)
    try:
        print(f"ratio datasketch / ours: {peer(small) / ours:.1f}")
    except ImportError:
        print("no ratio: pip install datasketch")
    whole(planted(ROWS, every=EVERY))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of this process: {peak:.2f} GB, with the rows' generation")
