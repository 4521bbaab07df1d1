"""Rows to batches: read -> split -> tokens -> batches.

    files, hub, world -> formats -> rows -> split -> tokens -> batch -> module
                                            template -^      prepare: all but the batches

`rows` and `split` import no torch, so a mistake in the data is told before anything slow loads.
"""
