"""Where conf/ and experiments/ are: beside the sources, or inside the installed package."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]
SHIPPED = REPOSITORY if (REPOSITORY / "conf" / "config.yaml").is_file() else PACKAGE


def conf_folder() -> Path:
    return SHIPPED / "conf"


def studies() -> dict[str, Path]:
    """Study files by name: those in ./experiments, then ours where the name is free."""
    folders = [SHIPPED / "experiments", Path.cwd() / "experiments"]
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


@contextmanager
def config_loader(study_folder: Path | None) -> Iterator[ConfigLoader]:
    """Hydra's loader over the same folders as `--config-dir study_folder` gives it."""
    version.setbase("1.3")
    search_path = create_config_search_path(str(conf_folder()))
    if study_folder is not None:
        search_path.prepend(
            "command-line", f"file://{study_folder}", anchor=SearchPathQuery(provider="schema")
        )
    try:
        yield Hydra.create_main_hydra2("epochwise", search_path).config_loader
    finally:
        GlobalHydra.instance().clear()
