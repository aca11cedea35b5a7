"""Why the demo could not do what it shows."""

from __future__ import annotations


class Trouble(Exception):
    """A sentence for the person at the terminal."""
