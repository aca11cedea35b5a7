"""One line a step, on standard error: standard output belongs to the command's answer."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(label: str) -> Iterator[None]:
    """Says what begins and how long it took."""
    started = time.monotonic()
    say(f"{label} …")
    yield
    say(f"{label} … {time.monotonic() - started:.1f} s")
