"""Whether the files of a base model or data set are on this machine's disk, and which they are.

Nothing is downloaded, and neither torch nor transformers is loaded.
"""

import json
import os
from pathlib import Path

from epochwise.config import ModelConfig
from epochwise.data.hub import PREFIX, address
from epochwise.model.location import Location, locate

NOT_HERE = (
    "is not on this machine's disk, and a plan downloads nothing: time and memory are not known"
)


def why_unknown(model_path: str, data_paths: tuple[str, ...]) -> str:
    """Why time and memory cannot be told before the first run, or nothing."""
    if _files(locate(model_path)) is None:
        return f"model.path={model_path}: {NOT_HERE}"
    absent = (path for path in data_paths if path.startswith(PREFIX) and not _data_is_here(path))
    return next((f"data.path={path}: {NOT_HERE}" for path in absent), "")


def stamp(model: ModelConfig) -> list[tuple[str, int, int]]:
    """Changes when a file of the model does: name, bytes, time of the last change."""
    states = [(file, file.stat()) for file in _files(locate(model.path)) or []]
    return [(str(file), state.st_size, state.st_mtime_ns) for file, state in states]


def size(model: ModelConfig) -> int:
    """Bytes of the model's files."""
    return sum(size for _, size, _ in stamp(model))


def _files(location: Location) -> list[Path] | None:
    """None where the hub's files are not all here."""
    source = Path(location.source)
    if location.gguf_file:
        return [source / location.gguf_file]
    if source.is_dir():
        return [file for file in sorted(source.iterdir()) if file.is_file()]
    folder = _snapshot(location)
    return None if folder is None else sorted(folder.iterdir())


def _snapshot(location: Location) -> Path | None:
    """The folder of a model of the hub, if all its weights are in the cache."""
    from huggingface_hub import try_to_load_from_cache

    def found(name: str) -> Path | None:
        path = try_to_load_from_cache(location.source, name, revision=location.revision)
        return Path(path) if isinstance(path, str) else None

    config, index = found("config.json"), found("model.safetensors.index.json")
    names = ["model.safetensors"]
    if index is not None:
        weights = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted(set(weights.values()))
    here = config is not None and all(found(name) is not None for name in names)
    return config.parent if here and config is not None else None


def _data_is_here(path: str) -> bool:
    """Whether the `datasets` library has made its own copy."""
    name, subset, _ = address(path)
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    folder = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets")
    return (folder / name.replace("/", "___") / (subset or "")).is_dir()
