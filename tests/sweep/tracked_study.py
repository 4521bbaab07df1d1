"""A study of invented runs, tracked online: FOLDER EXPERIMENT-AS-JSON PATIENCE; notes out."""

import json
import sys
from pathlib import Path

import runs

from epochwise.config import Experiment, TrackConfig
from epochwise.record import Study
from epochwise.sweep import follower
from epochwise.sweep.local import fork_server

TRACK = TrackConfig(name="wandb", mode="online", project="tests", tags=[])


def main(folder: Path, experiment: Experiment) -> None:
    with follower.tracked(folder, TRACK, fork_server(())) as notes:
        for run in Study.load(folder).runs:
            runs.complete(folder, run.id, experiment)
    print(json.dumps({"notes": notes}))


if __name__ == "__main__":
    follower.PATIENCE = float(sys.argv[3])
    main(Path(sys.argv[1]), Experiment.model_validate_json(sys.argv[2]))
