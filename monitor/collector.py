"""Python's cycle collector, held back while the service runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spared_collector() -> Iterator[None]:
    """Let Python's cycle collector walk seldom, and only over what is new, while the context is open.

    Modules, inventory and plan stay for ever: walking all of them again and again stopped everything for 0.15 s each
    ten seconds. Nearly all garbage of a poll goes by reference counts, so young objects are looked at in larger lots.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
