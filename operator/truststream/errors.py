"""Every error of the product, in one tree.

TrustStreamError
├── SpecError            the user's object cannot be carried out; permanent until the object changes
├── ConfigurationError   the operator's own configuration is wrong; permanent until it changes
├── InputError           numbers that a statistical method cannot take: NaN, negative counts; names the field
├── StateError           the saved state cannot be read: nothing moves until a person looks
└── ProviderError        something outside did not answer as hoped; may pass by itself
    ├── TrafficError     a route could not be read or written
    ├── MetricError      a metric source could not answer
    ├── StoreError       the database cannot be reached, or refuses
    │   └── StoreFull    the spool in front of it is full: try again later
    ├── ServingError     a request to the server cannot be answered
    └── ClusterError     the Kubernetes API refused or failed
        ├── Missing      404: the object is not there
        ├── Forbidden    403: final in a terminating namespace, else a missing permission
        ├── Conflict     409, or a JSON patch whose `test` did not hold: read again
        ├── Invalid      422/400: the API server rejects the object itself
        └── Unavailable  the API server cannot be reached or is too busy

Expected outcomes (no data, source down, a bad pod) are values, not errors.
"""

from __future__ import annotations


class TrustStreamError(Exception):
    """Base of all; its message names the object, the field and the remedy."""


class SpecError(TrustStreamError):
    """The user's object asks for something that cannot be done.

    `reason` is the CamelCase condition reason, `path` the field (e.g. ``spec.increments[2]``).
    """

    def __init__(self, message: str, *, path: str = "", reason: str = "InvalidSpec") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.reason = reason


class ConfigurationError(TrustStreamError):
    """The configuration file of the operator is wrong."""


class InputError(TrustStreamError):
    """A statistical method was given numbers that cannot be what they say they are; `field` names which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class StateError(TrustStreamError):
    """The state saved in `.status` cannot be understood."""


class ProviderError(TrustStreamError):
    """Something outside did not answer as hoped; `retry_after` in seconds."""

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TrafficError(ProviderError):
    """A route could not be read or written."""


class MetricError(ProviderError):
    """A metric source could not answer."""


class StoreError(ProviderError):
    """The database cannot be reached, or refuses."""


class StoreFull(StoreError):
    """The spool in front of the database is full; nothing of the batch was taken."""


class ServingError(ProviderError):
    """A request to the server cannot be answered."""


class ClusterError(ProviderError):
    """The Kubernetes API refused or failed; `status` is the HTTP code (0 when none came)."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float = 5.0) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status


class Missing(ClusterError):
    """404."""


class Forbidden(ClusterError):
    """403."""


class Conflict(ClusterError):
    """409, or a JSON patch whose `test` failed."""


class Invalid(ClusterError):
    """422 or 400."""


class Unavailable(ClusterError):
    """No answer, 429 or 5xx."""
