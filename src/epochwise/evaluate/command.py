"""What `epochwise evaluate` does: every run asked in turn, the results told."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from epochwise.diagnose.quality import QualityVerdict, study_quality
from epochwise.evaluate.blind import tally, write_blind
from epochwise.evaluate.exam import Ask, asked_by
from epochwise.evaluate.examine import Examiner
from epochwise.evaluate.harness import Harness, harness, sentences
from epochwise.evaluate.judge import RUBRIC, Judge, judge_at, judged
from epochwise.evaluate.table import study_table, tables
from epochwise.quality import QUALITY, Quality, leave, load_answers
from epochwise.record import Record, finite, write_json
from epochwise.train.folder import load_experiment

FLAGS = ("questions", "limit", "shots", "max_new_tokens", "refusals")


def carry_out(runs: Sequence[Path], options: Namespace) -> None:
    """Evaluate the runs, and print what was found; progress goes to standard error.

    Raises:
        ValueError: What the user can put right.
    """
    if options.choices:
        _count(options)
        return
    judge = _judge(options)
    tasks = harness(options.tasks, options.tasks_in, options.limit)
    if options.blind and len(runs) > 1:
        raise ValueError("--blind: compares one run with its base; give the folder of a run")
    found = _examined(runs, _ask(runs[0], options))
    if judge is not None:
        found = {run: _judged(run, quality, judge) for run, quality in found.items()}
    if tasks is not None:
        found = {run: _with_tasks(run, quality, tasks) for run, quality in found.items()}
    if options.blind:
        key = write_blind(options.blind, load_answers(runs[0]), found[runs[0]])
        print(f"{options.blind}: which side is which stands in {key}", file=sys.stderr)
    lines = study_quality(options.folder) if options.folder != runs[0] else []
    if options.json:
        print(json.dumps(finite(_document(found, lines)), indent=2, ensure_ascii=False))
    else:
        _tell(found, lines)


def _count(options: Namespace) -> None:
    """What a person chose on a page that was written before."""
    if not options.blind:
        raise ValueError("--choices: say which page they are of: --blind OUT.html")
    found = tally(options.blind, options.choices)
    print(
        json.dumps(found._asdict() | {"share": asdict(found.share)}, indent=2)
        if options.json
        else found.sentence
    )


def _judge(options: Namespace) -> Judge | None:
    url, model = options.judge_url, options.judge_model
    if url is None and model is None:
        return None
    if not (url and model):
        raise ValueError("--judge-url and --judge-model: a judge needs both")
    return judge_at(url, model, options.rubric or RUBRIC)


def _judged(run: Path, quality: Quality, judge: Judge) -> Quality:
    """The quality with the judge's scores; a judge that has scored these answers is not asked."""
    known = quality.judged
    if known and (known.model, known.rubric) == (judge.model, judge.rubric_digest):
        return quality
    answers, verdict = judged(load_answers(run), judge)
    quality = replace(quality, judged=verdict)
    leave(run, quality, answers)
    return quality


def _with_tasks(run: Path, quality: Quality, tasks: Harness) -> Quality:
    """The quality with the harness's scores; a run that has them is not asked again."""
    if tasks.is_answered_by(quality.tasks):
        return quality
    print(f"{_label(run)}: {', '.join(tasks.tasks)}", file=sys.stderr)
    quality = replace(quality, tasks=tasks.scores(run))
    write_json(run / QUALITY, asdict(quality))
    return quality


def _ask(run: Path, options: Namespace) -> Ask:
    """What the flags say; for those not given, what the run's own config does."""
    asked = asked_by(load_experiment(run).evaluate) or Ask()
    flags = {name: value for name, value in vars(options).items() if name in FLAGS}
    return replace(asked, **{name: value for name, value in flags.items() if value is not None})


def _examined(runs: Sequence[Path], ask: Ask) -> dict[Path, Quality]:
    found: dict[Path, Quality] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("answering", total=len(runs))

        def told(done: int, total: int) -> None:
            progress.update(bar, completed=len(found) + done / total)

        examiner = Examiner(ask, told)
        for run in runs:
            found[run] = examiner.examine(run)
            progress.update(bar, completed=len(found))
    return found


def _document(found: Mapping[Path, Quality], lines: Sequence[QualityVerdict]) -> dict[str, object]:
    runs = [{"run": str(run), "label": _label(run)} | asdict(one) for run, one in found.items()]
    return {"runs": runs, "lines": [asdict(line) for line in lines]}


def _tell(found: Mapping[Path, Quality], lines: Sequence[QualityVerdict]) -> None:
    console = Console(highlight=False)
    first, quality = next(iter(found.items()))
    if len(found) > 1:
        console.print(study_table({_label(run): one for run, one in found.items()}))
    else:
        console.print(*tables(quality), sep="\n")
        print(*quality.sentences, *quality.notes, sep="\n")
    for run, one in found.items():
        if one.tasks is not None:
            print(_label(run), *sentences(one.tasks), sep="\n  ")
    for line in lines:
        print(f"{line.label}: {line.verdict}", *line.sentences, sep="\n  ")
    print(first / QUALITY if len(found) == 1 else first.parent)


def _label(run: Path) -> str:
    return Record.load(run / "record.json").label
