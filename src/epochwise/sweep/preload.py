"""What the server that workers are forked from imports once, so that no worker waits for it."""

import logging
import os

os.environ |= {  # the libraries read them while they are imported
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",  # else it warns of every fork
}
# It names a faster kernel that could be installed, in the middle of our progress bars.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

import epochwise.experiment  # noqa: E402, F401 - torch, lightning, transformers, peft come with it

PROCESS = os.getpid()  # of the importer: a worker that was forked after this sees another's
