"""The name that was probably meant."""

from collections.abc import Collection
from difflib import get_close_matches

ALIASES = {  # what other tools call it
    "lr": "train.learning_rate",
    "bs": "train.batch_size",
    "rank": "peft.r",
    "alpha": "peft.lora_alpha",
    "dropout": "peft.lora_dropout",
    "dataset": "data",
    "method": "peft",
    "num_train_epochs": "train.epochs",
    "per_device_train_batch_size": "train.micro_batch_size",
    "gradient_accumulation_steps": "train.micro_batch_size",
    "model_name_or_path": "model.path",
}


def nearest(name: str, names: Collection[str]) -> str | None:
    """The closest of `names`, if any is close.

    >>> nearest("wrld", ["world", "file"]), nearest("xyz", ["world", "file"])
    ('world', None)
    """
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return close[0] if close else None


def nearest_key(key: str, keys: Collection[str]) -> str | None:
    """The dotted key that was probably meant: its last part counts most.

    >>> nearest_key("epochs", ["train.epochs", "peft"]), nearest_key("lr", ["train.learning_rate"])
    ('train.epochs', 'train.learning_rate')
    """
    group, _, last = key.rpartition(".")
    within = [known for known in keys if known.startswith(f"{group}.")] if group in keys else []
    if ALIASES.get(last) in (within or keys):
        return ALIASES[last]
    by_last = {known.rpartition(".")[2]: known for known in within or keys if "." in known}
    whole = None if within or last in by_last else nearest(key, keys)
    part = nearest(last, by_last)
    return whole or (by_last[part] if part else None)


def hint(name: str | None) -> str:
    return f"; did you mean {name}?" if name else ""
