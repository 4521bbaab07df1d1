"""Ask finished runs, and their untuned base, held-out questions; mark and keep the answers."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from epochwise.arguments import DONE, mistake, names, whole


def run(arguments: Sequence[str]) -> int:
    options = _read(arguments)
    from epochwise.evaluate.folders import finished_runs

    try:
        runs = finished_runs(options.folder)
        from epochwise.evaluate.command import carry_out

        carry_out(runs, options)
    except ValueError as error:
        return mistake(str(error))
    return DONE


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    """Flags that are not given are None: the run's own config then says."""
    parser = argparse.ArgumentParser("epochwise evaluate", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a finished run, or of a study: all its runs")
    own = "JSON lines of your own: question, answer (or answers), kind, group"
    parser.add_argument("--questions", type=_absolute, metavar="FILE", help=own)
    parser.add_argument(
        "--limit", type=whole(1), metavar="N", help="questions of each kind and task"
    )
    shots = "examples in the prompt of the untuned base"
    parser.add_argument("--shots", type=whole(0), metavar="K", help=shots)
    parser.add_argument("--max-new-tokens", type=whole(1), metavar="N", help="longest answer")
    phrases = "phrases that refuse, one a line, instead of ours"
    parser.add_argument("--refusals", type=_absolute, metavar="FILE", help=phrases)
    url = "an OpenAI-compatible model grades the answers, e.g. http://127.0.0.1:8000/v1"
    parser.add_argument("--judge-url", metavar="URL", help=url)
    key = "its name there; its key is read from EPOCHWISE_JUDGE_KEY"
    parser.add_argument("--judge-model", metavar="NAME", help=key)
    rubric = "what it is told to grade by, instead of ours"
    parser.add_argument("--rubric", type=_absolute, metavar="FILE", help=rubric)
    tasks = "of the lm-eval harness, e.g. arc_easy,hellaswag; asked of the run and of its base"
    parser.add_argument("--tasks", type=names, default=(), metavar="NAME,...", help=tasks)
    folder = "a folder of tasks of your own, YAML as the harness reads it"
    parser.add_argument("--tasks-in", type=_absolute, metavar="FOLDER", help=folder)
    page = "write a page on which a person compares answers blindly"
    parser.add_argument("--blind", type=_absolute, metavar="OUT.html", help=page)
    chosen = "what was saved from that page (--blind): count it, and ask nothing"
    parser.add_argument("--choices", type=_absolute, metavar="FILE", help=chosen)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    return parser.parse_args(arguments)


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()
