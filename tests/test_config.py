import pytest
from pydantic import ValidationError
from settings import changed

from epochwise.config import Experiment


def test_the_id_is_twelve_hex_digits_of_what_can_change_a_number(experiment: Experiment) -> None:
    first = experiment.id("rows")
    assert len(first) == 12
    assert int(first, 16) >= 0
    assert changed(experiment, {}).id("rows") == first


@pytest.mark.parametrize(
    "changes",
    [
        {"train.epochs": 3},
        {"train.seed": 1},
        {"peft.r": 8},
        {"data.val_size": 13},
        {"model.weights": "bf16"},
        {"evaluate.batch_size": 4},
        {"train.micro_batch_size": None},
    ],
    ids=str,
)
def test_every_setting_that_can_change_a_number_changes_the_id(
    experiment: Experiment, changes: dict[str, object]
) -> None:
    assert changed(experiment, changes).id("rows") != experiment.id("rows")


def test_other_rows_change_the_id_and_labels_do_not(experiment: Experiment) -> None:
    assert experiment.id("other rows") != experiment.id("rows")
    labels = {"data.name": "mine", "model.name": "mine", "data.path": "the same rows elsewhere"}
    assert changed(experiment, labels).id("rows") == experiment.id("rows")


def test_the_label_names_what_people_sweep(experiment: Experiment) -> None:
    assert experiment.label == "world_1m fp32 lora r4 n22 e2 lr0.004 s0"
    for changes in ({"train.seed": 3}, {"model.weights": "nf4"}, {"train.learning_rate": 1e-3}):
        assert changed(experiment, changes).label != experiment.label


def test_values_are_final_and_unknown_keys_are_mistakes(experiment: Experiment) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        experiment.train.epochs = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        changed(experiment, {"train.epoch": 3})
    with pytest.raises(ValidationError, match=r"lora_dropout=1.0: must be a share"):
        changed(experiment, {"peft.lora_dropout": 1.0})
