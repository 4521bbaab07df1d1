"""Rows from documents, and from a few seed rows, written by a language model and checked."""
