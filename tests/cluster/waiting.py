"""Waiting for a condition with a limit, and a sentence when the limit is reached."""

import time
from collections.abc import Callable

from .errors import HarnessError


def until(
    condition: Callable[[], bool],
    what: str,
    *,
    limit: float = 120.0,
    pause: float = 0.1,
    guard: Callable[[], None] = lambda: None,
) -> None:
    """Returns when the condition holds; `guard` raises when waiting on has no point."""
    deadline = time.monotonic() + limit
    while not condition():
        guard()
        if time.monotonic() > deadline:
            raise HarnessError(f"Waited {limit:.0f} s for {what}, in vain.")
        time.sleep(pause)
