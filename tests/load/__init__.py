"""A bounded HTTP load client: so many requests a second, for so long, to addresses that cannot leave the machine."""

from .answer import Answer
from .process import Load
from .tally import Tally

__all__ = ["Answer", "Load", "Tally"]
