"""`epochwise sweep`: a study, from a file of experiments/ or from the axes that are typed."""

from collections.abc import Sequence

from epochwise.commands.hand_over import compose_and_run
from epochwise.commands.typed import hydra_flags, study_named


def run(arguments: Sequence[str]) -> int:
    flags = hydra_flags("sweep", arguments)
    study = study_named(flags)
    flags.multirun = not flags.cfg
    return compose_and_run("sweep", arguments, flags, study)
