"""`epochwise data COMMAND`: what there is to do with rows before anything is trained on them."""

from collections.abc import Sequence

from epochwise.arguments import DONE, MISTAKE
from epochwise.commands import Command, carry_out, listed

DATA_COMMANDS = {
    "check": Command("check [key=value ...]", "what is wrong with a data set", "data.check"),
    "show": Command(
        "show [key=value ...]",
        "rows as the model sees them, and what of them is learnt",
        "data.show",
    ),
    "build": Command(
        "build DOCUMENT ... --out FILE", "rows from documents, written by a model", "data.build"
    ),
    "grow": Command("grow SEEDS --out FILE", "many rows from about fifty", "data.grow"),
}


def run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listed("epochwise data COMMAND ...", DATA_COMMANDS))
        return DONE if arguments else MISTAKE
    return carry_out(DATA_COMMANDS, arguments[0], arguments[1:], before="data ")
