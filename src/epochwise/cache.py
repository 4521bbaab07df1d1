"""Where things made once are kept, from study to study: all of it can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """XDG_CACHE_HOME/epochwise, or ~/.cache/epochwise."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "epochwise"
