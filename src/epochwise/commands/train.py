"""`epochwise train`: one run, or with -m a sweep."""

from collections.abc import Sequence

from epochwise.commands.hand_over import compose_and_run
from epochwise.commands.typed import hydra_flags


def run(arguments: Sequence[str]) -> int:
    return compose_and_run("train", arguments, hydra_flags("train", arguments), None)
