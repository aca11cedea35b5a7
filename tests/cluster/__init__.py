"""One way to ask for a Kubernetes cluster: `ensure(size=…)`; how it is made depends on the machine."""

from .errors import HarnessError
from .facade import Addresses, Cluster
from .lifecycle import attach, ensure

__all__ = ["Addresses", "Cluster", "HarnessError", "attach", "ensure"]
