"""The study in Python."""

import subprocess
import sys

import plotly.graph_objects as go
import pytest
from report import simulate

import epochwise as ew
from epochwise.diagnose.finding import study_finding
from epochwise.report.table import results


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> "ew.LoadedStudy":
    folder = tmp_path_factory.mktemp("multirun") / "mine" / "stamp"
    folder.mkdir(parents=True)
    return ew.load(str(simulate.leave(folder, simulate.grid(), finding=study_finding)))


def test_results_are_those_of_the_table(study: "ew.LoadedStudy") -> None:
    assert study.results.to_dict("records") == results(simulate.grid())
    assert study.results.groupby("rank").val_loss.min().index.tolist() == [2, 8]


def test_curves_have_a_row_for_every_epoch_measured(study: "ew.LoadedStudy") -> None:
    first = simulate.grid()[0]
    mine = study.curves[study.curves.id == first.id]
    assert mine.val.tolist() == [point.val for point in first.curve]
    assert len(study.curves) == sum(len(record.curve) for record in simulate.grid())


def test_the_finding_is_the_one_of_the_report(study: "ew.LoadedStudy") -> None:
    assert study.finding == study_finding(study.folder)
    assert study.study.question == simulate.study([]).question


def test_figures_are_those_of_the_report(study: "ew.LoadedStudy") -> None:
    figure = study.figure("heat-0")
    assert isinstance(figure, go.Figure)
    losses = study.results[study.results["rank"] == 2].val_loss
    assert [loss for row in figure.data[0].z for loss in row] == losses.tolist()
    assert study.numbers("heat-0").val_loss.tolist() == losses.tolist()
    assert figure.layout.xaxis.title.text == "epochs"
    assert study.figure("heat-0", language="ja").layout.xaxis.title.text == "エポック数"


def test_a_part_has_all_its_panels_side_by_side(study: "ew.LoadedStudy") -> None:
    whole = study.figure("curves")
    single = [study.figure(f"curve-{index}") for index in range(3)]
    assert [trace.y for trace in whole.data] == [t.y for figure in single for t in figure.data]
    assert [note.text for note in whole.layout.annotations][0] == "32 training rows"
    assert len(study.figure("heats").layout.shapes) == 2


@pytest.mark.parametrize(
    "name", ["heats", "curves", "gaps", "heat-0", "curve-0", "gap-0", "scaling", "frontier"]
)
def test_plotly_takes_every_figure(study: "ew.LoadedStudy", name: str) -> None:
    assert name in study.figures
    assert study.figure(name).to_json()


def test_a_figure_that_is_not_there_is_told_with_those_that_are(study: "ew.LoadedStudy") -> None:
    with pytest.raises(ValueError, match=r"curve: .* no such figure \(there are heats, curves, "):
        study.figure("curve")


def test_a_folder_above_the_study_is_told_where_it_is(study: "ew.LoadedStudy") -> None:
    with pytest.raises(ValueError, match="is no study folder; .*did you mean .*stamp"):
        ew.load(study.folder.parent)


def test_importing_costs_nothing() -> None:
    heavy = "{'numpy', 'pandas', 'plotly', 'torch', 'jinja2'}"
    code = f"import epochwise, sys; sys.exit(str({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "set()"
