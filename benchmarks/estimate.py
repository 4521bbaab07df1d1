"""How near `epochwise plan` comes: a study is planned and swept, and the two set side by side.

    python benchmarks/estimate.py [NAME] [key=v1,v2 ...]

Both start from an empty cache and an empty folder. Without arguments it is the default study.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

UNITS = {"seconds": "s", "peak_memory": "GiB a worker", "disk": "GiB", "tokens": "", "steps": ""}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="epochwise-bench-") as folder:
        home = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(home / "cache")
        study = [*sys.argv[1:], f"folder={home / 'multirun'}", "track=none"]
        planning, planned = timed("plan", "--json", *study)
        estimate = json.loads(planned)["estimate"]
        sweeping, _ = timed("sweep", *study)
        (left,) = (home / "multirun").glob("*/*/study.json")
        compare(estimate, json.loads(left.read_text(encoding="utf-8"))["outcome"])
    print(f"  epochwise plan took {planning:.1f} s, epochwise sweep {sweeping:.1f} s")
    print(f"  load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


def timed(*arguments: str) -> tuple[float, str]:
    """Seconds of a command, and its standard output."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "epochwise", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.monotonic() - begin, done.stdout


def compare(planned: dict[str, Any], took: dict[str, Any]) -> None:
    print(f"  {'':12} {'planned':>12} {'actual':>12} {'ratio':>6}")
    for name, unit in UNITS.items():
        foreseen, actual = planned[name], took[name]
        ratio = f"{actual / foreseen:6.2f}" if foreseen else "     -"
        print(f"  {name:12} {foreseen:12,.5g} {actual:12,.5g} {ratio} {unit}")


if __name__ == "__main__":
    main()
