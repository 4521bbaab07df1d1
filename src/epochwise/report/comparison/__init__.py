"""Runs or studies side by side: what was set, what came of it, and whether that may be chance."""
