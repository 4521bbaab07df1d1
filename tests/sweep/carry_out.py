"""Carries out a study of the given sizes and epochs: `carry_out.py SETTINGS SIZES EPOCHS`."""

import json
import signal
import sys
from pathlib import Path

from epochwise.config import Config
from epochwise.sweep.launch import Launch
from epochwise.sweep.study import carry_out


def main():
    settings, sizes, epochs = (json.loads(text) for text in sys.argv[1:])
    configs = [
        Config.model_validate(
            settings
            | {"data": settings["data"] | {"size": size}}
            | {"train": settings["train"] | {"epochs": count}}
        )
        for size in sizes
        for count in epochs
    ]
    overrides = [{} for _ in configs]
    return carry_out(configs, overrides=overrides, launch=Launch(command="test"))


if __name__ == "__main__":
    assert not {"torch", "transformers", "lightning", "peft", "wandb"} & set(sys.modules)
    assert Path(sys.argv[0]).name == "carry_out.py"
    # As a terminal's foreground has it: tests that run in a shell's background inherit "ignore"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
