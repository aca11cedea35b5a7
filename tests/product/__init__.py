"""TrustStream on a cluster, for the demo and the end-to-end tests: install it, follow it, say what it said."""

from .canary import Canary
from .evidence import collect
from .follow import Follow, Timeout
from .install import NAMESPACE, install

__all__ = ["NAMESPACE", "Canary", "Follow", "Timeout", "collect", "install"]
