"""The flow is the import order, and each big library has one home."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "epochwise"
FILES = sorted(SOURCE.rglob("*.py"))
MAY_IMPORT = {
    "__init__": {"loaded"},
    "arguments": set(),
    "draw": set(),
    "cache": set(),
    "record": set(),
    "quality": {"record"},
    "endpoint": set(),
    "world": {"draw"},
    "config": set(),
    "data": {"cache", "config", "draw", "world"},
    "model": {"cache", "config", "data", "draw", "world"},
    "diagnose": {"quality", "record"},
    "train": {"config", "data", "diagnose", "model", "quality", "record"},
    "report": {"diagnose", "quality", "record"},
    "evaluate": {
        *("config", "data", "diagnose", "endpoint", "model", "quality", "record", "train"),
        "world",
    },
    "make": {
        *("arguments", "compose", "config", "data", "draw", "endpoint", "evaluate", "model"),
        "train",
    },
    "experiment": {"config", "data", "evaluate", "model", "record", "train"},
    "reproduce": {"config", "experiment", "record", "train"},
    "sweep": {
        *("cache", "config", "data", "diagnose", "experiment", "model", "record", "report"),
        "train",
    },
    "loaded": {"diagnose", "record", "report"},
    "compose": {"config", "data", "model", "sweep"},
    "commands": {
        *("arguments", "compose", "config", "data", "diagnose", "endpoint", "evaluate", "make"),
        *("model", "record", "report", "reproduce", "sweep"),
    },
    "cli": {"arguments", "commands"},
    "__main__": {"cli"},
}
HOMES = {
    "hydra": {"commands", "compose"},
    "omegaconf": {"commands", "compose"},
    "peft": {"model"},
    "bitsandbytes": {"model"},
    "lm_eval": {"evaluate"},
    "lightning": {"data", "model", "train"},
    "datasets": {"data", "evaluate"},  # lm-eval reads its tasks' data through it
    "wandb": {"report", "train"},
    "wandb_workspaces": {"report"},
    "trackio": {"train"},
    "mlflow": {"train"},
    "plotly": {"loaded", "report"},
    "jinja2": {"data", "evaluate", "make", "report"},
    "pandas": {"loaded"},
    "ray": {"sweep"},
    "submitit": {"sweep"},
    "tensorboard": {"diagnose"},
    "httpx": {"data", "endpoint"},
    "torch": {
        "data",
        "evaluate",
        "experiment",
        "make",
        "model",
        "reproduce",
        "sweep",
        "train",
        "world",
    },
}
HEAVY = {
    "wandb_workspaces",
    "trackio",
    "mlflow",
    "lm_eval",
    "tensorboard",
    "ray",
    "submitit",
    "torch",
    "transformers",
    "lightning",
    "peft",
    "wandb",
    "datasets",
    "bitsandbytes",
    "plotly",
    "pandas",
}
LIGHT = (
    *("config", "record", "quality", "draw", "cli", "commands", "compose", "diagnose"),
    *("endpoint", "report"),
)


def layer(file: Path) -> str:
    return file.relative_to(SOURCE).with_suffix("").parts[0]


def imports(tree: ast.AST) -> set[str]:
    """Dotted names of everything imported in `tree`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_one_way(file: Path) -> None:
    names = imports(ast.parse(file.read_text(encoding="utf-8")))
    own = {name.split(".")[1] for name in names if name.startswith("epochwise.")}
    assert own - {layer(file)} <= MAY_IMPORT[layer(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_each_big_library_has_one_home(file: Path) -> None:
    away = {library for library, homes in HOMES.items() if layer(file) not in homes}
    names = imports(ast.parse(file.read_text(encoding="utf-8")))
    assert not away & {name.split(".")[0] for name in names}


@pytest.mark.parametrize(
    "file", [file for file in FILES if layer(file) in LIGHT], ids=lambda file: file.stem
)
def test_light_layers_import_nothing_heavy_at_start(file: Path) -> None:
    body = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = imports(ast.Module(body=list(body), type_ignores=[]))
    assert not HEAVY & {name.split(".")[0] for name in names}
