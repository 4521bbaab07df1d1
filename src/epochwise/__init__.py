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
"""

__version__ = "0.1.0"
