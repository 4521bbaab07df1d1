"""The commands. Nothing heavy is imported before a command needs it."""

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from epochwise import __version__
from epochwise.arguments import MISTAKE, names, refuse, whole

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from epochwise.sweep.forecast.outlook import Outlook
    from epochwise.sweep.launch import Launch

DONE, FAILED, DIFFERS, INTERRUPTED = 0, 1, 3, 130
DEFAULT_STUDY = "epochs_vs_size"


class Command(NamedTuple):
    run: Callable[[Sequence[str]], int]
    usage: str
    purpose: str


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


def train(arguments: Sequence[str]) -> int:
    """One run, or with -m a sweep."""
    flags = _flags("train", arguments)
    return _compose_and_run("train", arguments, flags, None)


def sweep(arguments: Sequence[str]) -> int:
    """A study: a file of experiments/, or whatever axes the command line names."""
    flags = _flags("sweep", arguments)
    study = _study(flags)
    flags.multirun = not flags.cfg
    return _compose_and_run("sweep", arguments, flags, study)


def plan(arguments: Sequence[str]) -> int:
    """What a sweep would run and cost, before it runs. Nothing is trained, downloaded or left."""
    from epochwise.compose.check import plan as composed

    flags = _plan_flags(arguments)
    study = _study(flags)
    typed = [*flags.overrides, *_launcher_settings(flags)]
    settings = [*typed, *_named(typed, flags, study)]
    found = composed(settings, study or "config", sweep=True)
    problems = _plan_problems(flags) + found.problems
    if problems:
        return _mistakes(problems)
    from epochwise.sweep.forecast.outlook import outlook

    words = [*([study] if study else []), *typed]
    launch = _launch(settings, study, shlex.join(["epochwise", "sweep", *words]))
    try:
        foreseen = outlook(
            found.configs,
            found.overrides,
            launch,
            skipped=found.skipped,
            price_per_hour=flags.price_per_hour,
        )
    except ValueError as problem:  # the cluster is not there, or has too little
        return _mistake(str(problem))
    return _tell(foreseen, flags, study, typed)


def report(arguments: Sequence[str]) -> int:
    """Write a study's tables, figures and page again from what its runs left, or a run's page."""
    from epochwise.report_commands import report_flags, send_report, write_report

    flags = report_flags(arguments, report.__doc__)
    try:
        page = write_report(flags.folder, flags.language)
        print(send_report(flags.folder, flags.project) if flags.wandb else page)
    except ValueError as error:
        return _mistake(str(error))
    return DONE


def compare(arguments: Sequence[str]) -> int:
    """Runs or studies side by side: settings, results, and paired differences of their losses."""
    from epochwise.report_commands import compare as carry_out

    try:
        return DIFFERS if carry_out(arguments, compare.__doc__) else DONE
    except ValueError as error:
        return _mistake(str(error))


def record(arguments: Sequence[str]) -> int:
    """Copy what a repository should keep of a study: finding, results, figures, report, config."""
    from epochwise.report_commands import record as carry_out

    try:
        print(carry_out(arguments, record.__doc__))
    except ValueError as error:
        return _mistake(str(error))
    return DONE


def status(arguments: Sequence[str]) -> int:
    """Where a study stands, also while another terminal works on it."""
    import json

    from rich.console import Console

    parser = argparse.ArgumentParser("epochwise status", description=status.__doc__)
    parser.add_argument("study", type=Path, help="the study's folder: multirun/NAME/STAMP")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    from epochwise.report.study_folder import checked
    from epochwise.sweep.status import shown
    from epochwise.sweep.status import status as standing

    try:
        found = standing(checked(options.study))
    except ValueError as error:
        return _mistake(str(error))
    if options.json:
        print(json.dumps(found.json(), indent=2))
    else:
        Console(highlight=False).print(shown(found))
    return FAILED if found.counts["failed"] else DONE


def watch(arguments: Sequence[str]) -> int:
    """A study while another terminal works on it: states, curves, and with --serve its report."""
    from epochwise.report_commands import watch as carry_out

    try:
        return FAILED if carry_out(arguments, watch.__doc__) else DONE
    except ValueError as error:
        return _mistake(str(error))


def reproduce(arguments: Sequence[str]) -> int:
    """Run it again from what it saved, compare every number, say what drifted."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from epochwise.record import is_done

    parser = argparse.ArgumentParser("epochwise reproduce", description=reproduce.__doc__)
    parser.add_argument("run", type=Path, help="the run's folder: multirun/NAME/STAMP/runs/ID")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    if not is_done(options.run):
        return _mistake(
            f"{options.run}: is no finished run; give multirun/NAME/STAMP/runs/ID, with a file DONE"
        )
    from epochwise.reproduce import reproduce as carry_out

    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("training again", total=None)
            result = carry_out(
                options.run,
                on_step=lambda tick: progress.update(bar, completed=tick.step, total=tick.steps),
            )
    except ValueError as error:
        return _mistake(str(error))
    if options.json:
        print(json.dumps(result._asdict(), indent=2))
    else:
        print("\n".join(result.lines()))
    return DONE if result.equal else DIFFERS


def evaluate(arguments: Sequence[str]) -> int:
    """Ask finished runs, and their untuned base, held-out questions; mark and keep the answers."""
    options = _evaluate_flags(arguments)
    from epochwise.evaluate.folders import finished_runs

    try:
        runs = finished_runs(options.folder)
        from epochwise.evaluate.command import carry_out

        carry_out(runs, options)
    except ValueError as error:
        return _mistake(str(error))
    return DONE


def judge(arguments: Sequence[str]) -> int:
    """Verdicts on training histories that any tool has made, each with what to do."""
    import json

    from rich.console import Console

    options = _judge_flags(arguments)
    from epochwise.diagnose.history.columns import Names
    from epochwise.diagnose.history.judge import judgements

    results, problems = judgements(options.files, Names(options.train, options.val))
    if options.json:
        print(json.dumps([result.json() for result in results], indent=2))
    elif results:
        from epochwise.diagnose.told import told

        Console(highlight=False).print(told(results))
    if problems:
        return refuse("cannot judge", problems)
    shown = {name for result in results for name in result.names}
    return FAILED if shown & set(options.fail_on) else DONE


def advise(arguments: Sequence[str]) -> int:
    """The setting to use, and how sure that is, from any table of results or a study's folder."""
    import json

    options = _advise_flags(arguments)
    from epochwise.diagnose.advice import study_advice, table_advice

    try:
        if (options.table / "study.json").is_file():
            found = study_advice(options.table)
        else:
            found = table_advice(options.table, options.columns, maximize=options.maximize)
    except ValueError as error:
        return _mistake(str(error))
    if options.json:
        from epochwise.record import finite

        print(json.dumps(finite(found.json()), indent=2))
    else:
        print("\n".join(found.lines()))
    return DONE


def data(arguments: Sequence[str]) -> int:
    """What there is to do with rows before anything is trained on them."""
    from epochwise.compose.nearest import hint, nearest
    from epochwise.data_commands import DATA_COMMANDS, run

    if not arguments or arguments[0] in ("-h", "--help"):
        lines = [f"  {one.usage:30}  {one.purpose}" for one in DATA_COMMANDS.values()]
        print("usage: epochwise data COMMAND ...", "", *lines, sep="\n")
        return DONE if arguments else MISTAKE
    name = arguments[0]
    if name not in DATA_COMMANDS:
        meant = hint(nearest(name, DATA_COMMANDS))
        return _mistake(
            f"data {name}: no such command{meant} (there are {', '.join(DATA_COMMANDS)})"
        )
    return run(name, arguments[1:])


COMMANDS = {
    "train": Command(train, "train [key=value ...]", "one run"),
    "sweep": Command(sweep, "sweep [NAME] [key=v1,v2 ...]", "a study: experiments/NAME.yaml"),
    "data": Command(data, "data COMMAND", "look at the rows before training: `epochwise data`"),
    "plan": Command(plan, "plan [NAME] [key=v1,v2 ...]", "what a sweep would run, take and cost"),
    "status": Command(status, "status STUDY_FOLDER", "where a study stands, from any terminal"),
    "watch": Command(watch, "watch STUDY_FOLDER", "the same live, with --serve as a page"),
    "report": Command(
        report, "report STUDY|RUN_FOLDER", "a study's or a run's page, written again"
    ),
    "compare": Command(compare, "compare A B ...", "runs or studies side by side"),
    "record": Command(record, "record STUDY_FOLDER", "what a repository keeps of a study"),
    "advise": Command(advise, "advise TABLE|STUDY_FOLDER", "what to use, from any results"),
    "reproduce": Command(reproduce, "reproduce RUN_FOLDER", "a run again, every number compared"),
    "judge": Command(judge, "judge FILE ...", "verdicts on training histories of any tool"),
    "evaluate": Command(evaluate, "evaluate RUN|STUDY_FOLDER", "answers to held-out questions"),
}


def _dispatch(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(_help())
        return DONE
    if name == "--version":
        print(f"epochwise {__version__}")
        return DONE
    if name not in COMMANDS:
        from epochwise.compose.nearest import hint, nearest

        meant = hint(nearest(name, COMMANDS))
        return _mistake(f"{name}: no such command{meant} (there are {', '.join(COMMANDS)})")
    return COMMANDS[name].run(arguments[1:])


def _help() -> str:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"  {command.usage:{width}}  {command.purpose}" for command in COMMANDS.values()]
    return "\n".join(
        [
            "How many epochs, how much data, what rank, which base model - and how sure are we?",
            "",
            "usage: epochwise COMMAND ...",
            "",
            *lines,
            "",
            "`epochwise train --help` lists all settings; `epochwise sweep` alone runs the default",
            "study on embedded data and needs no download. Exit status: 0 done, 1 some run failed,",
            "2 a mistake in what was typed, 3 differs, 130 interrupted.",
        ]
    )


def _flags(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Hydra's own flags and ours, in any order with the settings."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.prog = f"epochwise {command}"
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--seeds-where-needed", metavar="N")
    parser.add_argument("--jobs", metavar="N")
    flags, unknown = parser.parse_known_intermixed_args(arguments)
    flags.unknown = unknown
    flags.known = re.findall(r"--[a-z-]+", parser.format_usage())
    return flags


def _study(flags: argparse.Namespace) -> str | None:
    """The study file that is named in front of the settings, which are left."""
    from epochwise.compose.overrides import axis_keys

    named = [text for text in flags.overrides[:1] if "=" not in text and text[:1] not in "+~"]
    flags.overrides = flags.overrides[len(named) :]
    default = [] if axis_keys(flags.overrides) else [DEFAULT_STUDY]
    return next(iter(named + default), None)


def _judge_flags(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("epochwise judge", description=judge.__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or a run's folder")
    parser.add_argument("--train", metavar="NAME", help="the series of training losses")
    parser.add_argument("--val", metavar="NAME", help="the series of validation losses")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    shown = "exit 1 where one of these verdicts or flags shows: overfit_loss,memorised"
    parser.add_argument("--fail-on", type=_verdicts, default=(), metavar="NAME,...", help=shown)
    return parser.parse_args(arguments)


def _verdicts(text: str) -> tuple[str, ...]:
    from epochwise.compose.nearest import hint, nearest
    from epochwise.diagnose.verdict import FLAGS, HEADLINES

    found = tuple(name.strip() for name in text.split(","))  # an empty one is a mistake, too
    for name in found:
        if name not in (*HEADLINES, *FLAGS):
            known = ", ".join((*HEADLINES, *FLAGS))
            meant = hint(nearest(name, (*HEADLINES, *FLAGS)))
            raise argparse.ArgumentTypeError(f"{name}: no such verdict{meant} (there are {known})")
    return found


def _advise_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """`columns`: quantity -> the column that was named for it."""
    parser = argparse.ArgumentParser("epochwise advise", description=advise.__doc__)
    parser.add_argument("table", type=Path, help="CSV, TSV, JSONL, JSON, or a study's folder")
    quantities = ("size", "epochs", "loss", "rank", "seed")
    for quantity in quantities:
        parser.add_argument(f"--{quantity}", metavar="COLUMN", help=f"the column of the {quantity}")
    more = "the loss column holds scores in (0, 1], where more is better"
    parser.add_argument("--maximize", action="store_true", help=more)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args(arguments)
    given = vars(options)
    options.columns = {name: given[name] for name in quantities if given[name] is not None}
    return options


def _evaluate_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """Flags that are not given are None: the run's own config then says."""
    parser = argparse.ArgumentParser("epochwise evaluate", description=evaluate.__doc__)
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


def _plan_flags(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "epochwise plan",
        usage="epochwise plan [NAME] [key=v1,v2 ...] [options]",
        description=plan.__doc__,
    )
    parser.add_argument("overrides", nargs="*", metavar="NAME key=v1,v2", help="as for sweep")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument(
        "--format",
        choices=("commands", "slurm", "skypilot"),
        help="the study as a script for machines that share a folder",
    )
    parser.add_argument(
        "--price-per-hour", type=float, metavar="PRICE", help="of this machine: tells the cost"
    )
    parser.add_argument("--jobs", metavar="N", help="trunks at a time, as for sweep")
    parser.add_argument("--fresh", action="store_true", help="as if no run were done yet")
    flags, flags_unknown = parser.parse_known_intermixed_args(arguments)
    flags.unknown = flags_unknown
    flags.known = re.findall(r"--[a-z-]+", parser.format_help())
    flags.multirun = True
    return flags


def _plan_problems(flags: argparse.Namespace) -> list[str]:
    from epochwise.compose.nearest import hint, nearest

    problems = [f"{text}: no such flag{hint(nearest(text, flags.known))}" for text in flags.unknown]
    price = flags.price_per_hour
    if price is not None and not 0 <= price < float("inf"):
        problems.append(f"--price-per-hour {price:g}: must be a number, 0 or more")
    if flags.format and flags.json:
        problems.append("--json and --format: exclude each other; keep one")
    if flags.format and flags.fresh:
        problems.append("--fresh: a script gathers runs that are done; leave --fresh out")
    return problems


def _launch(settings: Sequence[str], study: str | None, command: str) -> "Launch":
    """hydra.launcher as the study file and the settings have it."""
    from omegaconf import OmegaConf

    from epochwise.compose.grid import composed
    from epochwise.compose.places import config_loader, studies
    from epochwise.sweep.launch import launch_of

    own = [text for text in settings if text.startswith("hydra")]
    with config_loader(studies()[study].parent if study else None) as loader:
        launcher = OmegaConf.to_container(composed(loader, study or "config", own).hydra.launcher)
    assert isinstance(launcher, dict)
    chosen = {str(key): value for key, value in launcher.items() if key != "_target_"}
    return launch_of(chosen | {"command": command})


def _tell(
    foreseen: "Outlook", flags: argparse.Namespace, study: str | None, typed: Sequence[str]
) -> int:
    import json

    from rich.console import Console

    if flags.format:
        from epochwise.sweep.forecast.scripts import Typed, script

        print(script(flags.format, foreseen, Typed(study, typed)))
    elif flags.json:
        print(json.dumps(foreseen.json(), indent=2))
    else:
        from epochwise.sweep.forecast.outline import outline

        Console(highlight=False).print(outline(foreseen))
    return DONE


def _compose_and_run(
    command: str, arguments: Sequence[str], flags: argparse.Namespace, study: str | None
) -> int:
    """Tell all mistakes, or hand over to Hydra, which composes once more and runs."""
    settings = [*flags.overrides, *_launcher_settings(flags)]
    shows = flags.help or flags.hydra_help or flags.info or flags.shell_completion
    if not shows:
        from epochwise.compose.check import check

        problems = _flag_problems(flags)
        problems += check(settings, study or "config", sweep=flags.multirun)
        if problems:
            return _mistakes(problems)
    typed = shlex.join(["epochwise", command, *arguments])
    return _hydra([*_hydra_flags(flags, study), *settings, *_named(settings, flags, study)], typed)


def _launcher_settings(flags: argparse.Namespace) -> list[str]:
    switches = [name for name in ("fresh", "guard") if name in flags and vars(flags)[name]]
    values = {"n_jobs": flags.jobs, "seeds_where_needed": vars(flags).get("seeds_where_needed")}
    return [f"hydra.launcher.{name}=true" for name in switches] + [
        f"hydra.launcher.{name}={value}" for name, value in values.items() if value is not None
    ]


def _flag_problems(flags: argparse.Namespace) -> list[str]:
    from epochwise.compose.nearest import hint, nearest

    unknown = [f"{text}: no such flag{hint(nearest(text, flags.known))}" for text in flags.unknown]
    folders = {
        "--config-path": flags.config_path,
        "--config-dir": flags.config_dir,
        "--config-name": flags.config_name,
        "--experimental-rerun": flags.experimental_rerun,
    }
    modes = {
        "--multirun": flags.multirun,
        "--run": flags.run,
        "--cfg": flags.cfg,
    }
    chosen = [flag for flag, on in modes.items() if on]
    if len(chosen) > 1:
        unknown.append(f"{' and '.join(chosen)}: exclude each other; keep one")
    return unknown + [
        f"{flag}: not used here; put a study into experiments/NAME.yaml: epochwise sweep NAME"
        for flag, value in folders.items()
        if value is not None
    ]


def _hydra_flags(flags: argparse.Namespace, study: str | None) -> list[str]:
    """What Hydra is to be told, with its own flags in front of the settings."""
    switches = {
        "--help": flags.help,
        "--hydra-help": flags.hydra_help,
        "--resolve": flags.resolve,
        "--shell-completion": flags.shell_completion,
        "--multirun": flags.multirun,
    }
    values = {"--cfg": flags.cfg, "--package": flags.package, "--info": flags.info}
    told = [flag for flag, on in switches.items() if on]
    told += [f"{flag}={value}" for flag, value in values.items() if value is not None]
    if study is None:
        return told
    from epochwise.compose.places import studies

    return [*told, f"--config-dir={studies()[study].parent}", f"--config-name={study}"]


def _named(settings: Sequence[str], flags: argparse.Namespace, study: str | None) -> list[str]:
    """A study without a name of its own is named after its file, or its axes: size_x_r."""
    from epochwise.compose.overrides import axis_keys
    from epochwise.compose.study import names_itself

    if not flags.multirun or any(text.startswith("study=") for text in settings):
        return []
    if study is not None:
        return [] if names_itself(study) else [f"study={study}"]
    axes = [key.rpartition(".")[2] for key in axis_keys(settings)]
    return [f"study={'_x_'.join(axes)[:64]}"] if axes else []


def _hydra(arguments: Sequence[str], command: str) -> int:
    import hydra
    from hydra.core.override_parser.types import Quote, QuotedString
    from hydra.errors import HydraException

    from epochwise.compose.places import conf_folder

    text = QuotedString(command, Quote.single).with_quotes()
    sys.argv = ["epochwise", *arguments, f"hydra.launcher.command={text}"]
    compose = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    try:
        compose(_one_run)()
    except HydraException as error:
        return _mistake(" ".join(str(error).split()))
    return DONE


def _one_run(settings: "DictConfig") -> None:
    """What Hydra calls when it is not sweeping: a study of one run."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from epochwise.config import Config
    from epochwise.sweep.launch import launch_of
    from epochwise.sweep.study import carry_out

    config = Config.model_validate(OmegaConf.to_container(settings, resolve=True))
    launcher = OmegaConf.to_container(HydraConfig.get().launcher)
    assert isinstance(launcher, dict)
    chosen = {str(key): value for key, value in launcher.items() if key != "_target_"}
    status = carry_out([config], overrides=[{}], launch=launch_of(chosen))
    raise SystemExit(status)  # Hydra has no other way to pass a status on


def _mistakes(problems: Sequence[str]) -> int:
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return refuse(f"{count} in the settings", problems)


def _mistake(problem: str) -> int:
    print(f"epochwise: {problem}", file=sys.stderr)
    return MISTAKE
