"""Data and models that a config names and this machine does not have."""

import re
from collections.abc import Sequence
from pathlib import Path

from epochwise.compose.assign import MISSING
from epochwise.compose.nearest import hint, nearest
from epochwise.config import Config, DataConfig, ModelConfig
from epochwise.data.rows import MIXTURE
from epochwise.model.location import locate

FORMS = {
    "hub": (re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?"), "hub:OWNER/NAME[@REVISION]"),
    "package": (re.compile(r"\w+/.+"), "package:NAME/FILE"),
}
HUB_DATA = re.compile(r"[\w.-]+/[\w.-]+(/[^@]+)?(@[\w./-]+)?")
SITES = ("hub", "modelscope")  # of published data, which is loaded when a run needs it
WORLDS = ("world:1m", "world:4m")
WORLD_ROWS = 20_000  # as many as the generator makes
ENOUGH = 10_000  # of them, that every split can give


def data_problems(configs: Sequence[Config]) -> list[str]:
    """Reads each file once, however many runs use it."""
    largest: dict[str, DataConfig] = {}
    for config in configs:
        data = config.data
        if data.path == MISSING or data.path == MIXTURE and not data.sources:
            continue  # told where it was composed, and among the clashes
        alike = data.model_dump_json(exclude={"name", "size", "max_tokens", "too_long", "train_on"})
        if alike not in largest or data.size > largest[alike].size:
            largest[alike] = data
    return [line for data in largest.values() for line in _data_problems(data)]


def model_problem(model: ModelConfig) -> str | None:
    """Why the base model is not here; a hub name is only checked for its form."""
    kind, _, rest = model.path.partition(":")
    if model.path == MISSING:  # told where it was composed
        return None
    if kind in FORMS:
        form, words = FORMS[kind]
        if not form.fullmatch(rest):
            return f"model.path={model.path}: write {words}"
    try:
        locate(model.path)
    except ValueError as error:
        reason = str(error).removeprefix(f"model.path={model.path}: ")
        return f"model.path={model.path}: {reason}{hint(_near(model.path))}"
    return None


def _near(path: str) -> str | None:
    """What was probably meant: an embedded model, or a file beside the one named."""
    if path.startswith("world:"):
        return nearest(path, [world for world in WORLDS if world != path])
    folder = Path(path).expanduser().parent
    name = nearest(Path(path).name, [child.name for child in folder.glob("*")])
    return str(folder / name) if name and name != Path(path).name else None


def _address_problem(path: str) -> str | None:
    site, _, name = path.partition(":")
    if HUB_DATA.fullmatch(name):
        return None
    return f"data.path={path}: write {site}:OWNER/NAME[/SUBSET][@REVISION]"


def _data_problems(data: DataConfig) -> list[str]:
    # Here and not above: only this check needs the readers of all formats.
    from epochwise.data.rows import DataError, kept
    from epochwise.data.split import split_for

    published = [path for path in data.places if path.partition(":")[0] in SITES]
    if published:
        return [wrong for path in published if (wrong := _address_problem(path))]
    if data.path == "world" and data.size + data.val_size > WORLD_ROWS:
        most = WORLD_ROWS - data.val_size
        have = f"the world has {WORLD_ROWS} rows, {data.val_size} of them for validation"
        return [f"data.size={data.size}: {have}; set data.size={most} or lower"]
    if data.path == "world" and data.size + data.val_size <= ENOUGH:
        return []  # its rows are never wrong, and so few of them need no counting
    try:
        split_for(data, kept(data))
    except DataError as error:
        return str(error).splitlines()
    except ValueError as error:
        return [str(error)]
    return []
