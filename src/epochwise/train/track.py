"""W&B follows the journals, from a process of its own: it can never stop or slow a run."""

import json
import netrc
import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import yaml

from epochwise.config import TrackConfig
from epochwise.record import PlannedRun, Record, Study, is_done, run_folder
from epochwise.train import journal

if TYPE_CHECKING:
    from wandb import Run

SERVER = "https://api.forge.coreweave.com"  # wandb 0.31's own default
FORMER_SERVER = "api.wandb.ai"  # the same one's older name, under which keys may be stored
POLL = 0.5  # seconds between two looks at the journals: W&B's pages are no livelier
Mode = Literal["online", "offline", "disabled"]


def mode(track: TrackConfig) -> Mode:
    """Where tracked runs go, decided without a connection and without importing wandb.

    `auto` means WANDB_MODE where it is set, online where a key is configured, offline otherwise:
    wandb itself would ask for a key, and a study that nobody watches must not wait for one.
    """
    if track.name == "none":
        return "disabled"
    if track.mode != "auto":
        return track.mode
    match os.environ.get("WANDB_MODE"):
        case "online" | "offline" | "disabled" as chosen:
            return chosen
        case None:
            return "online" if has_key() else "offline"
        case other:
            raise ValueError(f"WANDB_MODE={other}: expected online, offline or disabled")


def has_key() -> bool:
    """Whether a key for the W&B server is in the environment or in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    if not path.is_file():
        return False
    server = os.environ.get("WANDB_BASE_URL", SERVER)
    hosts = [urlsplit(server).netloc, *([FORMER_SERVER] if server == SERVER else [])]
    try:
        known = netrc.netrc(path)
    except netrc.NetrcParseError:
        return False  # wandb cannot read it either, and it may concern other programs only
    return any(known.authenticators(host) for host in hosts)


def untracked(study_folder: Path) -> list[PlannedRun]:
    """The study's runs that W&B does not have whole yet."""
    runs = Study.load(study_folder).runs
    return [run for run in runs if not _marker(study_folder, run.id).exists()]


def follow(study_folder: Path, track: TrackConfig, stop: Connection) -> None:
    """One W&B run for each run of the study, as its journal grows.

    Ends when all of them are whole, or when `stop` is closed: by the supervisor, or by its death.
    A run whose journal stops short is then marked as failed.
    """
    import wandb

    (study_folder / "wandb" / "tracked").mkdir(parents=True, exist_ok=True)
    followed = [Followed(run, study_folder, track) for run in untracked(study_folder)]
    stopped = False
    while followed and not stopped:
        stopped = stop.poll(POLL)
        followed = [run for run in followed if not run.caught_up()]
    for run in followed:
        run.give_up()
    wandb.teardown()  # finish() alone may return before the files are whole


class Followed:
    """One run of ours and the W&B run that follows it, opened with its first row."""

    def __init__(self, planned: PlannedRun, study_folder: Path, track: TrackConfig) -> None:
        self.planned = planned
        self.study_folder = study_folder
        self.folder = run_folder(study_folder, planned.id)
        self.track = track
        self.offset = 0
        self.run: Run | None = None

    def caught_up(self) -> bool:
        """Log what is new; True once the run is done and W&B has all of it."""
        done = is_done(self.folder)  # asked before reading: DONE comes after the last row
        path = self.folder / "journal.jsonl"
        if not path.is_file():
            return False
        rows, self.offset = journal.read_from(path, self.offset)
        if rows and self.run is None:
            self.run = _opened(self.planned, self.study_folder, self.track)
        if self.run is None:
            return False
        for row in rows:
            self.run.log(_logged(row))
        if done:
            self.run.summary.update(_summary(Record.load(self.folder / "record.json")))
            self.run.finish(exit_code=0)
            _marker(self.study_folder, self.planned.id).touch()
        return done

    def give_up(self) -> None:
        if self.run is not None:
            self.run.finish(exit_code=1)


def _opened(planned: PlannedRun, study_folder: Path, track: TrackConfig) -> "Run":
    """A W&B run beside the others of this process, with step axes of our own.

    W&B's own step counts calls and starts again when a run is resumed. Code, git state and
    console output stay here: they may hold what is not meant for a server.
    """
    import wandb

    folder = run_folder(study_folder, planned.id)
    settings = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    names = (settings["model"]["name"], settings["peft"]["name"], settings["model"]["weights"])
    run = wandb.init(
        project=track.project,
        dir=study_folder.resolve(),  # a relative one is taken from the git root
        id=planned.id,
        group=f"{Study.load(study_folder).name}/{study_folder.name}",
        name=planned.label,
        job_type="train",
        tags=list(dict.fromkeys([*names, *track.tags])),
        config=settings | {"provenance": _origin(folder)},
        mode=mode(track),
        reinit="create_new",
        settings=wandb.Settings(
            console="off", disable_git=True, disable_code=True, save_code=False, silent=True
        ),
    )
    for axis in ("step", "epoch", "tokens"):
        run.define_metric(axis)
    for name in ("step/loss", "learning_rate", "grad_norm"):
        run.define_metric(name, step_metric="step")
    for name in ("val/loss", "probe/loss"):
        run.define_metric(name, step_metric="epoch")
    return run


def _origin(folder: Path) -> dict[str, Any]:
    """Of provenance.json, what may leave: no patch, no command; W&B lists packages itself."""
    origin: dict[str, Any] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    code = {key: value for key, value in origin["code"].items() if key != "patch"}
    return {key: origin[key] for key in ("hardware", "data", "model")} | {"code": code}


def _logged(row: dict[str, Any]) -> dict[str, Any]:
    """A journal's row under the names W&B shows; what is not a number is left out."""
    match row["kind"]:
        case "step":
            names = {
                "loss": "step/loss",
                "learning_rate": "learning_rate",
                "grad_norm": "grad_norm",
            }
        case "point":
            names = {"val": "val/loss", "probe": "probe/loss"}
        case _:
            return {}
    names |= {axis: axis for axis in ("step", "epoch", "tokens")}
    return {shown: row[name] for name, shown in names.items() if row.get(name) is not None}


def _summary(record: Record) -> dict[str, Any]:
    best = min(record.curve, key=lambda point: point.val)
    last = record.curve[-1]
    verdict = (record.verdict or {}).get("verdict")
    return {
        "best/val_loss": best.val,
        "best/epoch": best.epoch,
        "gap": last.val - last.probe,
        "verdict": verdict,
    }


def _marker(study_folder: Path, run_id: str) -> Path:
    """Beside W&B's own files, since a finished run's folder is never touched again."""
    return study_folder / "wandb" / "tracked" / run_id
