"""Every random draw is a pure function of (seed, purpose): what came before does not matter.

So a run on a trunk equals the same run alone, and a resumed run equals an unbroken one.
"""

import hashlib


def seed_for(seed: int, *purpose: int | str) -> int:
    """A 63-bit seed for one purpose, such as `("order", epoch)`, the same on every machine."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
