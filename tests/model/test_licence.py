from pathlib import Path

import pytest
from gguf import GGUFWriter
from huggingface_hub import constants

from epochwise.model.licence import keep_licence, licence
from epochwise.model.location import Location, locate

HEADS = {
    "license: mit": "mit",
    "license: other\nlicense_name: llama3.1": "llama3.1",
    "license: other": "other",
    "license: [mit, apache-2.0]": "mit, apache-2.0",
    "language: en": None,
    "a list of nothing": None,
    "license: [": None,
}


def test_the_embedded_models_say_theirs() -> None:
    assert licence(locate("world:1m")) == "apache-2.0"


@pytest.mark.parametrize("head", HEADS)
def test_a_folder_says_it_in_the_head_of_its_card(head: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n# A model\n", encoding="utf-8")
    assert licence(Location(str(tmp_path))) == HEADS[head]


def test_a_folder_without_a_card_says_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("license: mit, of what lies above\n", encoding="utf-8")
    (tmp_path / "model").mkdir()
    assert licence(Location(str(tmp_path / "model"))) is None
    assert licence(Location(str(tmp_path))) is None


@pytest.mark.parametrize("named", ["apache-2.0", None])
def test_a_gguf_file_leaves_its_own_to_the_folder_it_becomes(
    named: str | None, tmp_path: Path
) -> None:
    writer = GGUFWriter(tmp_path / "a.gguf", "llama")
    if named is not None:
        writer.add_license(named)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    keep_licence(tmp_path / "a.gguf", tmp_path)
    assert licence(Location(str(tmp_path))) == named


def test_the_hubs_card_is_read_and_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "models--OWNER--NAME"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("0" * 40)
    (home / "snapshots" / ("0" * 40)).mkdir(parents=True)
    assert licence(Location("OWNER/NAME")) is None
    card = home / "snapshots" / ("0" * 40) / "README.md"
    card.write_text("---\nlicense: gemma\n---\n", encoding="utf-8")
    assert licence(Location("OWNER/NAME")) == "gemma"
