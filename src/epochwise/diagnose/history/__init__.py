"""Training histories of any tool -> what a verdict needs. What a file is, its content tells."""
