"""Which FeatureFlags an event concerns; those that depend on them are found when their namespace is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from truststream.cluster import kinds
from truststream.cluster.queue import Key
from truststream.handlers.flags_book import FlagBook

WHOLE: Final = ""
"""In place of a name: the namespace as such, when what all flags may use has changed."""


class FlagInterests:
    """Fills the book; `desk.Concerns`."""

    def __init__(self, book: FlagBook) -> None:
        self._book = book

    def of(self, kind: str, obj: Mapping[str, Any], *, deleted: bool = False) -> set[Key]:
        """The FeatureFlags to look at after an event of this object."""
        metadata = obj["metadata"]
        namespace, name = str(metadata.get("namespace") or ""), str(metadata["name"])
        match kind:
            case kinds.FEATURE_FLAG:
                (self._book.drop if deleted else self._book.note)(obj)
                return {(namespace, name)}
            case kinds.SEGMENTS:
                return {(namespace, WHOLE)} if self._book.note_segments(obj, deleted=deleted) else set()
            case kinds.CANARY_DEPLOYMENT if deleted:
                return self._book.owned_by(namespace, name)
        return set()
