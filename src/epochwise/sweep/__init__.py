"""A study: what to train (plan), where (slots), by whom (supervisor, worker), as seen (screen)."""
