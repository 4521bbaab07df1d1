"""What W&B would be sent, as JSON, against a snapshot."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("wandb_workspaces")

import wandb_workspaces.reports.v2.interface as interface

from epochwise.record import Study, write_json
from epochwise.report.wandb_report import Place, built_report, built_workspace, send

SNAPSHOT = Path(__file__).with_name("wandb_report.json")
PLACE = Place("someone", "epochwise")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "2026-01-02"
    folder.mkdir()
    axes = {"train.epochs": [1, 2], "peft.r": [4, 8]}
    Study("rank", "Which rank?", "epochwise sweep rank", axes, {}, ()).save(folder)
    said = {"sentences": ["Use rank 4 <b>."], "would_change": ["More seeds would tell."]}
    write_json(folder / "finding.json", said)
    return folder


@pytest.fixture
def _server(monkeypatch):
    """It is asked for the project's number alone, as a report is put into JSON."""
    monkeypatch.setattr(interface, "_get_api", lambda: None)
    answer = {"project": {"internalId": "number"}}
    monkeypatch.setattr(interface, "execute_graphql", lambda *_, **__: answer)


def spec(model):
    """Without the numbers that are drawn anew for each object."""
    text = model.model_dump_json(by_alias=True, exclude_none=True)
    return json.loads(re.sub(r'"(id|__id__|panelBankSectionConfigId)":"[^"]*"', r'"\1":"*"', text))


@pytest.mark.usefixtures("_server")
def test_the_report_and_the_view_are_what_they_were(folder):
    report = spec(built_report(folder, PLACE)._to_model())
    view = spec(built_workspace(folder, PLACE)._to_model())
    assert {"report": report, "workspace": view} == json.loads(SNAPSHOT.read_text())


@pytest.mark.usefixtures("_server")
def test_the_report_holds_the_answer_and_both_curves_in_one_chart(folder):
    text = built_report(folder, PLACE)._to_model().model_dump_json(by_alias=True)
    for part in ("Which rank?", "Use rank 4 <b>.", "More seeds would tell.", "rank/2026-01-02"):
        assert part in text
    assert '"metrics":["loss/val","loss/probe"]' in text


def test_without_an_account_the_message_says_what_to_do(folder, monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match="`wandb login` once, then the same command"):
        send(folder, "epochwise")
