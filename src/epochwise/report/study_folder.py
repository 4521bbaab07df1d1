"""Whether a folder is a study's, and where the study lies if it is not."""

from pathlib import Path

from epochwise.record import Study


def checked(folder: Path) -> Path:
    """The folder, which holds a study.

    Raises:
        ValueError: It does not; the newest study below it is named.
    """
    if not (folder / "study.json").is_file():
        remedy = f"give multirun/NAME/STAMP{newest(folder)}"
        raise ValueError(f"{folder}: is no study folder; {remedy}")
    return folder


def language(folder: Path) -> str:
    """Of a study's report, as its last command set it; of a run's, that of its study."""
    for study in (folder, folder.resolve().parents[1]):
        if (study / "study.json").is_file():
            return str(Study.load(study).report.get("language", "en"))
    return "en"


def newest(folder: Path) -> str:
    """`; did you mean ...?`, where a study lies below."""
    found = sorted(folder.glob("**/study.json")) if folder.is_dir() else []
    return f"; did you mean {found[-1].parent}?" if found else ""
