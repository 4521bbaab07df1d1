"""Says how many epochs, how much data, what rank, which base model - and how sure that is.

    conf/ + command line
      -> compose      every run checked before anything slow is loaded
      -> sweep        runs that share their beginning become one trunk; trunks go to workers
      -> experiment   one trunk on one screen:
           data       rows -> split -> tokens and labels -> batches
           model      base weights, adapter, loss
           train      Lightning Trainer, journal, trackers
      -> record       what a run leaves; all that follows reads nothing else
      -> diagnose     curves -> verdicts, records -> finding
      -> report       tables, figures, one page

`world` is the embedded default: its own rows and tiny base models.

In Python: `import epochwise as ew; study = ew.load("multirun/NAME/STAMP"); study.results`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epochwise.loaded import LoadedStudy, load

__all__ = ["LoadedStudy", "__version__", "load"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`load` and what it returns, imported when they are first used: nothing heavy before."""
    if name in ("LoadedStudy", "load"):
        import importlib

        return getattr(importlib.import_module("epochwise.loaded"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
