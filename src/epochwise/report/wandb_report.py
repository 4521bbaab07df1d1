"""The study as a W&B Report and a saved Workspace view: the same question, answer and curves."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from epochwise.record import Study, read_json

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report
    from wandb_workspaces.workspaces import Workspace

LOSSES = ["loss/val", "loss/probe"]
COLUMNS = ["summary:best/val_loss", "summary:best/epoch", "summary:gap", "summary:verdict"]
LONGEST_TITLE = 128  # characters, W&B's own limit


class Place(NamedTuple):
    entity: str
    project: str


class Sent(NamedTuple):
    report: str
    workspace: str
    """Addresses of both."""


def send(folder: Path, project: str) -> Sent:
    """Both saved to the account that is logged in.

    Raises:
        ValueError: Nobody is logged in, or the package or the server is out of reach.
    """
    try:
        import wandb

        entity = wandb.Api().default_entity
        report = built_report(folder, Place(entity or "", project))
        workspace = built_workspace(folder, Place(entity or "", project))
        report.save()
        workspace.save()
    except ImportError:
        raise ValueError(
            "--wandb needs wandb-workspaces: pip install 'epochwise[reports]'"
        ) from None
    except Exception as problem:  # wandb's, its session's, requests'; each has words for a person
        first = str(problem).strip().partition("\n")[0]
        raise ValueError(
            f"W&B took no report: {first}. It needs an account and a connection: `wandb login` "
            f"once, then the same command; {folder / 'report.html'} needs neither"
        ) from None
    return Sent(report.url, workspace.url)


def built_report(folder: Path, place: Place) -> "Report":
    import wandb_workspaces.reports.v2 as wr

    study = Study.load(folder)
    runs = wr.Runset(
        entity=place.entity,
        project=place.project,
        name=study.name,
        filters=_filter(folder, study),
        order=[wr.OrderBy("best/val_loss", ascending=True)],
        pinned_columns=COLUMNS,
    )
    blocks = [
        wr.P(study.question),
        wr.H1("Finding"),
        *[wr.P(sentence) for sentence in _finding(folder)],
        wr.H1("Curves"),
        wr.PanelGrid(runsets=[runs], panels=_curves()),
        wr.H1("Runs beside each other"),
        wr.PanelGrid(runsets=[runs], panels=_comparisons(study)),
    ]
    return wr.Report(
        entity=place.entity,
        project=place.project,
        title=_title(folder, study),
        description=study.question,
        blocks=blocks,
    )


def built_workspace(folder: Path, place: Place) -> "Workspace":
    import wandb_workspaces.workspaces as ws

    study = Study.load(folder)
    return ws.Workspace(
        entity=place.entity,
        project=place.project,
        name=_title(folder, study),
        sections=[
            ws.Section("Curves", panels=_curves(), is_open=True),
            ws.Section("Runs beside each other", panels=_comparisons(study), is_open=True),
        ],
        runset_settings=ws.RunsetSettings(filters=_filter(folder, study), pinned_columns=COLUMNS),
    )


def _curves() -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    return [
        wr.LinePlot(title="Validation and probe, by epoch", x="epoch", y=LOSSES),
        wr.LinePlot(title="Training, by step", x="step", y=["loss/step"]),
    ]


def _comparisons(study: Study) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    best = wr.SummaryMetric("best/val_loss")
    against = [
        wr.ScatterPlot(title=f"Lowest loss, by {axis}", x=wr.Config(axis), y=best)
        for axis in study.axes
    ]
    return [*against, wr.RunComparer(diff_only="split")]


def _finding(folder: Path) -> list[str]:
    path = folder / "finding.json"
    if not path.is_file():
        return ["No run is done yet."]
    found = read_json(path)
    return [*found["sentences"], *found["would_change"]]


def _filter(folder: Path, study: Study) -> str:
    """The study's runs, by what stands in the config of each."""
    return f"Config('study') = '{study.name}/{folder.resolve().name}'"


def _title(folder: Path, study: Study) -> str:
    return f"{study.name}, {folder.resolve().name}"[:LONGEST_TITLE]
