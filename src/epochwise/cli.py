"""`epochwise COMMAND ...`. Nothing heavy is imported before a command needs it."""

import sys
from collections.abc import Sequence

from epochwise import __version__
from epochwise.arguments import DONE, FAILED, INTERRUPTED
from epochwise.commands import Command, carry_out, listed

COMMANDS = {
    "train": Command("train [key=value ...]", "one run", "train"),
    "sweep": Command("sweep [NAME] [key=v1,v2 ...]", "a study: experiments/NAME.yaml", "sweep"),
    "data": Command("data COMMAND", "look at the rows before training: `epochwise data`", "data"),
    "plan": Command("plan [NAME] [key=v1,v2 ...]", "what a sweep would run, take and cost", "plan"),
    "status": Command("status STUDY_FOLDER", "where a study stands, from any terminal", "status"),
    "watch": Command("watch STUDY_FOLDER", "the same live, with --serve as a page", "watch"),
    "report": Command(
        "report STUDY|RUN_FOLDER", "a study's or a run's page, written again", "report"
    ),
    "compare": Command("compare A B ...", "runs or studies side by side", "compare"),
    "record": Command("record STUDY_FOLDER", "what a repository keeps of a study", "record"),
    "advise": Command("advise TABLE|STUDY_FOLDER", "what to use, from any results", "advise"),
    "reproduce": Command("reproduce RUN_FOLDER", "a run again, every number compared", "reproduce"),
    "judge": Command("judge FILE ...", "verdicts on training histories of any tool", "judge"),
    "evaluate": Command("evaluate RUN|STUDY_FOLDER", "answers to held-out questions", "evaluate"),
}
QUESTION = "How many epochs, how much data, what rank, which base model - and how sure are we?"
NOTES = """\
`epochwise train --help` lists all settings; `epochwise sweep` alone runs the default
study on embedded data and needs no download. Exit status: 0 done, 1 some run failed,
2 a mistake in what was typed, 3 differs, 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _dispatch(arguments)
    except SystemExit as end:  # so end argparse, Hydra, and our launcher
        return end.code if isinstance(end.code, int) else FAILED
    except KeyboardInterrupt:
        print("epochwise: interrupted", file=sys.stderr)
        return INTERRUPTED


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(QUESTION, listed("epochwise COMMAND ...", COMMANDS), NOTES, sep="\n\n")
        return DONE
    if name == "--version":
        print(f"epochwise {__version__}")
        return DONE
    return carry_out(COMMANDS, name, arguments[1:])
