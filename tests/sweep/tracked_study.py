"""A study of invented runs, tracked online: FOLDER, EXPERIMENT as JSON; notes and seconds out."""

import json
import sys
import time
from pathlib import Path

import runs

from epochwise.config import Experiment, TrackConfig
from epochwise.record import Study
from epochwise.sweep import follower
from epochwise.sweep.local import fork_server

TRACK = TrackConfig(name="wandb", mode="online", project="tests", tags=[])
follower.PATIENCE = 6.0


def main(folder: Path, experiment: Experiment) -> None:
    with follower.tracked(folder, TRACK, fork_server(())) as notes:
        start = time.monotonic()
        for run in Study.load(folder).runs:
            runs.complete(folder, run.id, experiment)
        seconds = time.monotonic() - start
    print(json.dumps({"notes": notes, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Experiment.model_validate_json(sys.argv[2]))
