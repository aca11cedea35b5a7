"""The text by which a request chooses its flags: `flagSetId=<namespace>` or `flagSetId=<namespace>/<environment>`."""

from __future__ import annotations

import functools
import re
from typing import Final

from truststream.serving.base import Refused, Scope

HOW: Final = "write flagSetId=<namespace> or flagSetId=<namespace>/<environment>"
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@functools.lru_cache(maxsize=4096)
def parse(selector: str) -> Scope | None:
    """The scope that is asked for; None where nothing is. The environment may be empty.

    Raises:
        Refused: 400, what is wrong and how to write it.
    """
    text = selector.strip()
    if not text:
        return None
    name, equals, value = text.partition("=")
    if not equals or name.strip() != "flagSetId":
        raise Refused(400, f"Flagd-Selector: {_shown(text)} is no selector that this server knows; {HOW}")
    namespace, slash, environment = value.strip().partition("/")
    if not namespace and not slash:
        return None
    for part, what in ((namespace, "a namespace"), (environment, "an environment")):
        if (part or what == "a namespace" or slash) and not _LABEL.fullmatch(part):
            raise Refused(400, f"Flagd-Selector: {_shown(part)} cannot be the name of {what}; {HOW}")
    return Scope(namespace, environment)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
