"""What a repository should keep of a study: small files that tell it, and how to make it again."""

import math
import shutil
from pathlib import Path
from urllib.parse import quote

from epochwise.diagnose.cells import count
from epochwise.record import Record, Study, finished, read_json, run_folder

KEPT = ("finding.json", "results.csv", "base_models.csv", "report.html", "study.json")
SHOWN = 10  # runs in the README; results.csv has all
SIGNS = "&<>[]`|\\*"  # that Markdown or HTML would take for their own
FIRST = ("heat-0", "curve-0", "scaling")  # figures in the README, where there are such


def record(study_folder: Path, target: Path) -> Path:
    """Leaves the study's finding, results, figures, report and settings in a new folder.

    No weights and no losses per row: those stay with the study.

    Returns:
        The README of the new folder.

    Raises:
        ValueError: Something is there already, or no run has finished.
    """
    records = finished(study_folder)
    if target.exists():
        raise ValueError(f"{target}: is there already; nothing was recorded: give another --to")
    if not records or not (study_folder / "report.html").is_file():
        raise ValueError(f"{study_folder}: no run has finished, so there is nothing to record")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a record that was interrupted
    partial.mkdir(parents=True)
    for name in (name for name in KEPT if (study_folder / name).is_file()):
        shutil.copyfile(study_folder / name, partial / name)
    shutil.copytree(study_folder / "figures", partial / "figures")
    chosen = _chosen(study_folder, records)
    config = run_folder(study_folder, chosen.id) / "config.yaml"
    if config.is_file():
        shutil.copyfile(config, partial / "config.yaml")
    text = _readme(Study.load(study_folder), records, chosen, partial)
    (partial / "README.md").write_text(text, encoding="utf-8")
    return partial.rename(target) / "README.md"


def _chosen(study_folder: Path, records: list[Record]) -> Record:
    """The recommended run; where there is none, the first."""
    run = read_json(study_folder / "finding.json")["run"]
    return next((record for record in records if record.id == run), records[0])


def _readme(study: Study, records: list[Record], chosen: Record, folder: Path) -> str:
    finding = read_json(folder / "finding.json")
    parts = [
        f"# {_text(study.name)}: a recorded study",
        _text(study.question),
        *(_text(sentence) for sentence in finding["sentences"][:1]),
        "\n".join(f"- {_text(sentence)}" for sentence in finding["sentences"][1:]),
        *_pictures(folder),
        _table(records),
        f"{count(len(records), 'run')} of {len(study.runs)} finished. All are in `results.csv`, the"
        " recommendation with its probabilities is in `finding.json`, every figure and its numbers"
        " in `figures/`, and all of it in `report.html`, which opens offline.",
        "To make it again:",
        _code(study.command),
        f"`config.yaml` has every setting of {_text(chosen.label)}. Made with "
        + ", ".join(f"{_text(name)} {_text(of)}" for name, of in study.versions.items())
        + ".",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _pictures(folder: Path) -> list[str]:
    there = [name for name in FIRST if (folder / "figures" / f"{name}.svg").is_file()]
    return [f"![{name}](figures/{quote(name)}.svg)" for name in there]


def _table(records: list[Record]) -> str:
    finite = [record for record in records if math.isfinite(record.curve[-1].val)]
    best = sorted(finite, key=lambda record: record.curve[-1].val)[:SHOWN]
    lines = ["| run | validation loss | base | verdict |", "|---|---|---|---|"]
    for each in best:
        verdict = (each.verdict or {}).get("verdict", "not judged")
        losses = f"{each.curve[-1].val:.3f} | {each.curve[0].val:.3f}"
        lines.append(f"| {_text(each.label)} | {losses} | {verdict} |")
    return "\n".join(lines)


def _code(command: str) -> str:
    """Indented, so that nothing in it ends the block."""
    return "\n".join(f"    {line}" for line in command.splitlines())


def _text(words: str) -> str:
    """Words of others as Markdown shows them: no element, no link, no cell of a table."""
    plain = " ".join(words.split())
    return "".join(f"&#{ord(sign)};" if sign in SIGNS else sign for sign in plain)
