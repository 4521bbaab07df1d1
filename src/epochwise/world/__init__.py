"""The embedded default: a tiny invented world to learn from, and tiny base models for it.

    words, names -> facts -> generator   rows to fine-tune on (no torch)
                          -> corpus      plain text about other people -> pretrain -> models/

Both need no hub, no key and no GPU, so a whole study runs anywhere in minutes.
"""

from pathlib import Path

MODELS: Path = Path(__file__).parent / "models"


def model_folder(name: str) -> Path:
    """The folder of an embedded base model, as `from_pretrained` takes it.

    Example:
        >>> model_folder("1m").name
        '1m'
    """
    known = sorted(config.parent.name for config in MODELS.glob("*/config.json"))
    if name not in known:
        raise ValueError(f"got model {name!r}, expected one of {known}")
    return MODELS / name
