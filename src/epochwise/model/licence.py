"""Under which licence a base model's files say that they stand."""

import os
from pathlib import Path

import yaml
from gguf import GGUFReader
from huggingface_hub import hf_hub_download
from huggingface_hub.repocard import RepoCard

from epochwise.model.location import Location
from epochwise.world import MODELS

CARD = "README.md"


def licence(location: Location) -> str | None:
    """The identifier in the model's own card, `apache-2.0`; None where none is said.

    No run fails, or differs, because a hub's card is not there.
    """
    folder = Path(location.source)
    if not folder.is_dir():
        return _of_hub(location)
    return _of_card((MODELS if folder.parent == MODELS else folder) / CARD)


def keep_licence(gguf_file: Path, folder: Path) -> None:
    """Leave a card with what a GGUF file names in the folder that it becomes: reading takes long.

    One rename: other processes may leave the same.
    """
    named = GGUFReader(gguf_file).get_field("general.license")
    said = None if named is None else str(named.contents())
    head = yaml.safe_dump({"license": said}, allow_unicode=True)
    partial = folder / f".{CARD}.{os.getpid()}"
    partial.write_text(f"---\n{head}---\n", encoding="utf-8")
    partial.replace(folder / CARD)


def _of_hub(location: Location) -> str | None:
    try:
        return _of_card(Path(hf_hub_download(location.source, CARD, revision=location.revision)))
    except (OSError, ValueError):  # no card, or no network
        return None


def _of_card(card: Path) -> str | None:
    """A licence that the hub has no word for, by its own name."""
    if not card.is_file():
        return None
    try:
        head = RepoCard.load(card, ignore_metadata_errors=True).data.to_dict()
    except (ValueError, TypeError, yaml.YAMLError):  # it has a head, but not the hub's
        return None
    said = head.get("license")
    if said == "other":
        said = head.get("license_name", said)
    return ", ".join(map(str, said)) if isinstance(said, list) else said and str(said)
