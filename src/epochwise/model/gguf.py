"""A GGUF file as a folder of safetensors, converted once and cached by content."""

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from epochwise.cache import cache_folder
from epochwise.model.licence import CARD, keep_licence
from epochwise.model.location import Location


def as_folder(location: Location) -> Location:
    """The folder with what a GGUF file holds; any other location as it is."""
    if not location.gguf_file:
        return location
    return Location(str(converted(Path(location.source), location.gguf_file)))


def converted(folder: Path, gguf_file: str) -> Path:
    """The cached folder for a GGUF file; makes it the first time, which takes up to a minute."""
    with (folder / gguf_file).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    target = cache_folder() / "models" / f"{Path(gguf_file).stem}-{digest[:12]}"
    if not target.is_dir():
        _convert(folder, gguf_file, target)
    if not (target / CARD).is_file():
        keep_licence(folder / gguf_file, target)
    return target


def _convert(folder: Path, gguf_file: str, target: Path) -> None:
    print(f"converting {gguf_file} to {target}, once", file=sys.stderr, flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=gguf_file, dtype=torch.bfloat16
        )
        # transformers refuses to save a model that came from GGUF, so its weights move to a new one
        config = AutoConfig.from_pretrained(folder, gguf_file=gguf_file)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(partial)
        AutoTokenizer.from_pretrained(folder, gguf_file=gguf_file).save_pretrained(partial)
        _publish(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, target: Path) -> None:
    """One rename; where another process was first, its equal result stands."""
    try:
        os.rename(partial, target)
    except OSError:
        if not target.is_dir():
            raise
