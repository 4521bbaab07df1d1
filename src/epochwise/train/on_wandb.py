"""One W&B run for each of ours, on axes of our own: W&B's step starts again when a run does."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from epochwise.record import Record
from epochwise.train import shown
from epochwise.train.shown import JSON, Followed
from epochwise.train.upload import Send, Upload, sender

if TYPE_CHECKING:
    from wandb import Artifact, Run

ALARMING = {"diverged": "ERROR", "overfit_loss": "WARN"}  # verdicts worth a message
ANSWERS_SHOWN = 500  # rows of a table: W&B's page shows no more at once without effort


@contextmanager
def opened_offline() -> Iterator[Callable[[Followed], "OnWandb"]]:
    """Opens runs that are kept here, whatever becomes of the network; whole once it is left."""
    import wandb

    yield lambda followed: OnWandb(followed, None)
    wandb.teardown()  # finish() alone may return before the files are whole


@contextmanager
def opened_online() -> Iterator[Callable[[Followed], "OnWandb"]]:
    """Opens runs that are kept here as well, and sent from there as they grow."""
    with sender() as send, opened_offline():
        yield lambda followed: OnWandb(followed, send)


class OnWandb:
    def __init__(self, followed: Followed, send: Send | None) -> None:
        _set_aside(followed)
        self.run = _run(followed)
        self.followed = followed
        self.upload = Upload(Path(self.run.settings.sync_dir), send) if send else None
        self.points: list[JSON] = []
        _define_axes(self.run)
        _use(self.run, followed)

    def log(self, rows: list[JSON]) -> None:
        for row in rows:
            self.run.log(row)
        self.points += [row for row in rows if "loss/val" in row]

    def close(self, record: Record | None) -> None:
        if record is not None:
            self._conclude(record)
        self.run.finish(exit_code=1 if record is None else 0)
        if self.upload is not None:
            self.upload.finish()

    def _conclude(self, record: Record) -> None:
        said = shown.verdict(record)
        self.run.summary.update(shown.summary(record))
        self._log_curves()
        self._log_answers(record)
        self.run.log_artifact(_adapter(self.followed, record))
        if said is not None:
            self.run.tags = (*(self.run.tags or ()), said)
        if said in ALARMING:
            title = f"{self.followed.planned.label}: {said}"
            self.run.alert(title[:64], shown.advice(record), level=ALARMING[said])

    def _log_curves(self) -> None:
        """Validation and probe in one chart: W&B itself makes one chart of each metric."""
        import wandb

        curves = [[point.get(name) for point in self.points] for name in shown.BY_EPOCH]
        epochs = [point["epoch"] for point in self.points]
        title = "loss after each epoch"
        chart = wandb.plot.line_series(epochs, curves, ["val", "probe"], title, xname="epoch")
        self.run.log({"curves": chart})

    def _log_answers(self, record: Record) -> None:
        import wandb

        answers = shown.answers(self.followed.folder)[:ANSWERS_SHOWN]
        if not answers:
            return
        columns: list[str | int] = [
            "epoch",
            "arm",
            "kind",
            "question",
            "reference",
            "answer",
            "refused",
        ]
        table = wandb.Table(columns=columns)
        epoch = record.curve[-1].epoch
        for one in answers:
            reference = " | ".join(one["references"])
            cells = (one["arm"], one["kind"], one["question"], reference, one["answer"])
            table.add_data(epoch, *cells, one["refused"])
        self.run.log({"answers": table, "epoch": epoch})


def _run(followed: Followed) -> "Run":
    """Code, git state, command and console output stay here: they may hold what is private.

    So does the list of packages, which W&B would read from disk for each run: half of all it costs.
    """
    import wandb

    return wandb.init(
        project=followed.track.project,
        dir=followed.study_folder.resolve(),  # a relative one is taken from the git root
        id=followed.planned.id,
        group=followed.group,
        name=followed.planned.label,
        job_type="train",
        tags=followed.tags,
        config=followed.settings | {"study": followed.group},
        mode="offline",
        reinit="create_new",
        settings=wandb.Settings(
            console="off",
            disable_git=True,
            disable_code=True,
            save_code=False,
            silent=True,
            x_disable_meta=True,
            x_save_requirements=False,
        ),
    )


def _define_axes(run: "Run") -> None:
    for axis in shown.AXES:
        run.define_metric(axis)
    for name in shown.BY_STEP:
        run.define_metric(name, step_metric="step")
    for name in shown.BY_EPOCH:
        run.define_metric(name, step_metric="epoch")


def _use(run: "Run", followed: Followed) -> None:
    """The data as what the run was made from: its fingerprint, never a row of it.

    Not use_artifact(), which refuses to work offline.
    """
    import wandb

    origin: JSON = followed.settings["provenance"]["data"]
    name = f"data-{origin['digest'][:12]}"
    data = wandb.Artifact(name, type="dataset", metadata=origin)
    data.add_reference(f"fingerprint:{origin['digest']}", name="rows", checksum=False)
    run._log_artifact(data, is_user_created=True, use_after_commit=True)


def _adapter(followed: Followed, record: Record) -> "Artifact":
    """The trained weights, uploaded from where they lie: no copy is made of them."""
    import wandb

    metadata = {"digest": record.summary.adapter_digest, "verdict": shown.verdict(record)}
    adapter = wandb.Artifact(f"adapter-{record.id}", type="model", metadata=metadata)
    for file in sorted((followed.folder / "adapter").glob("*")):
        if file.suffix in {".safetensors", ".json"}:
            adapter.add_file(str(file), policy="immutable", skip_cache=True)
    return adapter


def _set_aside(followed: Followed) -> None:
    """No `wandb sync wandb/*run-*` sends what an earlier attempt began: the new file has it all."""
    place = followed.study_folder / "wandb"
    earlier: list[Path] = sorted(place.glob(f"*run-*-{followed.planned.id}"))
    (place / "earlier").mkdir(parents=True, exist_ok=True)
    for number, folder in enumerate(earlier):
        to = place / "earlier" / f"{folder.name}.{os.getpid()}.{number}"
        shutil.move(folder, to)
