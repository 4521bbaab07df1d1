"""Model + data -> curve: the Lightning Trainer, schedules, the journal, provenance, trackers."""
