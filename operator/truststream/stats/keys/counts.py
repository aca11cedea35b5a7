"""Blocks of counts of two arms: what every key is fed with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from truststream.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests n and errors e of canary (c) and baseline (b); arrays of one shape (..., pairs)."""

    n_c: Floats
    e_c: Floats
    n_b: Floats
    e_b: Floats

    @classmethod
    def of(cls, n_c: npt.ArrayLike, e_c: npt.ArrayLike, n_b: npt.ArrayLike, e_b: npt.ArrayLike) -> Counts:
        """Checked.

        Raises:
            InputError: a count is NaN, infinite or negative, or an arm has more errors than requests.
        """
        made = cls(*(np.asarray(values, dtype=np.float64) for values in (n_c, e_c, n_b, e_b)))
        for field in fields(made):
            _check(field.name, getattr(made, field.name))
        for errors, requests in (("e_c", "n_c"), ("e_b", "n_b")):
            if np.any(getattr(made, errors) > getattr(made, requests)):
                raise InputError(errors, f"more errors than requests ({requests}); count both by the same counter")
        return made

    def each(self, change: Callable[[Floats], Floats]) -> Counts:
        """The same change of all four arrays."""
        return Counts(change(self.n_c), change(self.e_c), change(self.n_b), change(self.e_b))

    def as_one_block(self) -> Counts:
        """(..., pairs) as (..., 1, pairs)."""
        return self.each(lambda part: part[..., None, :])

    @property
    def exposure(self) -> Floats:
        """Each pair's share of its interval's requests (last axis); known before any error is."""
        both = self.n_c + self.n_b
        whole = both.sum(axis=-1, keepdims=True)
        return np.where(whole > 0, both / np.where(whole > 0, whole, 1.0), 1.0 / both.shape[-1])

    @property
    def total(self) -> Floats:
        """Errors of both arms, T."""
        return self.e_c + self.e_b

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Blocks that can say anything: an error somewhere, and requests in both arms. The others have factor 1."""
        return (self.total > 0) & (self.n_c > 0) & (self.n_b > 0)

    def share(self, tolerance: float) -> Floats:
        """q: the canary's expected share of the errors at the boundary r = 1 + tolerance; 1/2 where unusable."""
        boosted = self.n_c * (1.0 + tolerance)
        whole = boosted + self.n_b
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.usable, boosted / whole, 0.5)


def _check(name: str, values: Floats) -> None:
    if not np.all(np.isfinite(values)):
        raise InputError(name, "is NaN or infinite; a count is a finite number")
    if np.any(values < 0):
        raise InputError(name, "is negative; a count never is")
