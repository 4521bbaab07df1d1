import json

import pytest

from epochwise.config import ModelConfig
from epochwise.sweep.forecast.presence import size, stamp, why_unknown

NAME = "models--someone--model"
COMMIT = "0" * 40


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub cache in which each of the named files of a model is."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))

    def with_files(**contents):
        snapshot = tmp_path / NAME / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        (tmp_path / NAME / "refs").mkdir()
        (tmp_path / NAME / "refs" / "main").write_text(COMMIT)
        for name, content in contents.items():
            (snapshot / name).write_text(content)

    return with_files


def model(path):
    return ModelConfig(name="m", path=path, weights="fp32", template="own")


def test_what_is_on_the_disk_is_known(tiny_base):
    assert why_unknown(str(tiny_base), "world") == ""
    assert why_unknown("world:1m", "world") == ""


def test_a_model_that_is_not_downloaded_is_told(hub):
    assert "model.path=hub:someone/model: is not on this machine's disk" in why_unknown(
        "hub:someone/model", "world"
    )


def test_a_model_of_the_hub_is_here_when_all_of_its_weights_are(hub):
    index = json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})
    files = {"config.json": "{}", "model.safetensors.index.json": index, "one.safetensors": "1"}
    hub(**files)
    assert "not on this machine's disk" in why_unknown("hub:someone/model", "world")


def test_a_whole_model_of_the_hub_is_here(hub):
    hub(**{"config.json": "{}", "model.safetensors": "12345"})
    assert why_unknown("hub:someone/model", "world") == ""
    assert size(model("hub:someone/model")) == 7


def test_data_of_the_hub_is_here_when_it_was_loaded_before(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    path = "hub:someone/rows/main@123"
    assert "data.path=hub:someone/rows/main@123: is not" in why_unknown("world:1m", path)
    (tmp_path / "someone___rows" / "other").mkdir(parents=True)
    assert why_unknown("world:1m", path) != ""
    (tmp_path / "someone___rows" / "main").mkdir()
    assert why_unknown("world:1m", path) == ""


def test_a_changed_file_of_a_model_is_noticed(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    before = stamp(model(str(tmp_path)))
    (tmp_path / "config.json").write_text("{ }")
    assert stamp(model(str(tmp_path))) != before
