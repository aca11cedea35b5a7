"""One request and what came of it; one line of JSON between the client's process and ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0 means that there was none; `error` then says why."""

    at: float  # Unix time when the request was due
    status: int
    seconds: float  # from then to the last byte
    version: str = ""  # what the application calls itself; empty where the body does not say
    host: str = ""  # the pod
    error: str = ""

    @property
    def skipped(self) -> bool:
        """Never sent: the client had too many requests under way. Says nothing about the server."""
        return self.error == SKIPPED

    @property
    def lost(self) -> bool:
        """No answer, or one that no healthy path gives: the client's requests are always right."""
        return not self.skipped and not 200 <= self.status < 400

    def line(self) -> str:
        """As a short JSON list."""
        fields = [round(self.at, 4), self.status, round(self.seconds, 4), self.version, self.host, self.error]
        return json.dumps(fields)

    @classmethod
    def parse(cls, line: str) -> Self:
        """The reverse of `line`."""
        return cls(*json.loads(line))
