"""Answers to held-out questions, and how good they are: of a run, and of its untuned base."""
