"""What is measured of each row beside its nats, in a real training of a moment."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from llama import IDS, batch, tiny_llama
from settings import changed

from epochwise.config import Experiment
from epochwise.data.general import general_texts
from epochwise.data.problems import DataError
from epochwise.diagnose.forgetting import forgetting
from epochwise.diagnose.symptom import Evidence
from epochwise.experiment import run_trunk
from epochwise.model.loss import response_measures, response_nats
from epochwise.record import Point, Record, RowLosses, run_folder
from epochwise.train.measure import TEMPERATURES


@torch.no_grad()
def test_measures_are_nats_right_tokens_and_nats_at_temperatures() -> None:
    model, rows = tiny_llama(layers=2), batch(IDS, [2, 4])
    measures = response_measures(model, model.lm_head, rows, (2.0,))
    assert torch.equal(measures[:, 0], response_nats(model, model.lm_head, rows))
    logits = model(input_ids=rows.input_ids, attention_mask=rows.attention_mask).logits
    for row, (first, last) in enumerate([(2, 5), (4, 7)]):
        scores, ids = logits[row, first - 1 : last - 1], rows.input_ids[row, first:last]
        assert measures[row, 1] == (scores.argmax(dim=-1) == ids).sum()
        tempered = torch.log_softmax(scores / 2, dim=-1).gather(1, ids[:, None]).sum()
        assert measures[row, 2].item() == pytest.approx(-tempered.item(), abs=1e-5)


@pytest.fixture
def left(experiment: Experiment, tmp_path: Path) -> RowLosses:
    run_trunk({"run": changed(experiment, {"evaluate.general": "world"})}, tmp_path)
    return RowLosses.load(run_folder(tmp_path, "run") / "rows.npz")


def test_a_run_leaves_what_the_verdict_needs(left: RowLosses, experiment: Experiment) -> None:
    points, rows = experiment.train.epochs + 1, experiment.data.val_size
    assert left.val.shape == left.val_correct.shape == (points, rows)
    assert left.val_tempered.shape == (points, len(TEMPERATURES), rows)
    assert left.general.shape == (points, len(left.general_tokens)) == (points, 32)
    assert (left.val_correct <= left.val_tokens).all()
    assert left.probe_correct[-1].sum() > left.probe_correct[0].sum()
    assert len(left.probe_source) == len(left.probe_tokens)
    assert np.isfinite(left.general).all()


def test_hotter_scores_of_a_sure_model_cost_more_and_those_near_one_hardly(left: RowLosses) -> None:
    near = left.val_tempered[:, TEMPERATURES.index(2**0.25)].sum(axis=1)
    assert near == pytest.approx(left.val.sum(axis=1), rel=0.1)


def test_the_untrained_adapter_has_forgotten_nothing(left: RowLosses) -> None:
    measured = ("val", "val_correct", "val_tempered", "probe", "probe_correct", "general")
    first = replace(left, **{name: vars(left)[name][[0, 0]] for name in measured})
    curve = tuple(Point(epoch, 1.0, 1.0) for epoch in range(2))
    found = forgetting(Evidence(curve, first))
    assert found.reason.statistic == 0.0


def test_texts_of_ones_own_are_taken_apart_at_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("One text,\nof two lines.\n\n\nAnother.\n", encoding="utf-8")
    assert general_texts(str(file)) == ["One text,\nof two lines.", "Another."]


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"\n \n", "no text")])
def test_texts_that_are_none_are_told(content: bytes | None, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=told):
        general_texts(str(file))


def test_the_shipped_texts_are_of_three_languages() -> None:
    texts = general_texts("texts")
    assert len(texts) == 30
    assert sum(any("぀" <= letter <= "ヿ" for letter in text) for text in texts) == 3
    assert sum("的" in text for text in texts) == 3


@pytest.mark.parametrize(("path", "texts"), [("world:1m", "world"), ("hub:some/model", "texts")])
def test_auto_suits_the_model_and_is_saved_as_what_it_was(
    path: str, texts: str, experiment: Experiment
) -> None:
    run = changed(experiment, {"model.path": path, "evaluate.general": "auto"})
    assert run.evaluate.general == texts
    assert Experiment.model_validate(run.model_dump()) == run


def test_a_record_without_general_texts_says_nothing_of_them(
    experiment: Experiment, tmp_path: Path
) -> None:
    run_trunk({"run": changed(experiment, {"train.epochs": 1})}, tmp_path)
    folder = run_folder(tmp_path, "run")
    assert RowLosses.load(folder / "rows.npz").general is None
    assert "general" not in Record.load(folder / "record.json").settings["evaluate"]
