"""The one error of the harness: a sentence that says what is wrong and what to do."""


class HarnessError(RuntimeError):
    """Something the person at the keyboard can act on; shown without a traceback."""
