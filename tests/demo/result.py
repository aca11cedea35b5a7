"""What the demo found, as people and programs read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

AS_APPLIED = "as applied"
RATE = 100.0


@dataclass(frozen=True, slots=True)
class Promoted:
    """The good release."""

    weights: list[float]
    requests: int
    lost: int
    seconds: float
    requests_per_second: float
    proof: list[str]
    lost_examples: str = ""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The bad one."""

    reason: str
    detect_seconds: float
    route_seconds: float
    bad_responses: int
    first_write: str


@dataclass(frozen=True, slots=True)
class Result:
    """All of it."""

    promoted: Promoted
    rolled_back: RolledBack
    objects_after: str
    seconds: float

    def problems(self) -> list[str]:
        """What is not as it should be, each with the figure."""
        promoted = self.promoted
        found = []
        if promoted.lost:
            found.append(
                f"{promoted.lost} of {promoted.requests} requests were lost in the good release: "
                f"{promoted.lost_examples}"
            )
        if promoted.requests_per_second < RATE:
            found.append(
                f"the client reached {promoted.requests_per_second:.0f} requests a second, not {RATE:.0f}: "
                f"too few for a proof"
            )
        if self.objects_after != AS_APPLIED:
            found.append(f"objects differ from what was applied:\n{self.objects_after}")
        return found

    def save(self, file: Path) -> None:
        """As JSON, in the words of the rest of the product."""
        file.parent.mkdir(parents=True, exist_ok=True)
        promoted, rolled_back = _camel(asdict(self.promoted)), _camel(asdict(self.rolled_back))
        promoted["weights"] = [int(one) if one == int(one) else one for one in self.promoted.weights]
        if not promoted["lostExamples"]:
            del promoted["lostExamples"]
        content = {
            "promoted": promoted,
            "rolledBack": rolled_back,
            "objectsAfter": self.objects_after,
            "seconds": round(self.seconds, 1),
        }
        file.write_text(json.dumps(content, indent=2) + "\n")

    def summary(self) -> str:
        """A few lines for the terminal."""
        good, bad = self.promoted, self.rolled_back
        weights = " → ".join(f"{weight:g}" for weight in good.weights)
        return "\n".join(
            [
                f"promoted     in {good.seconds:.0f} s by {weights} %: {good.lost} of {good.requests} requests lost "
                f"at {good.requests_per_second:.0f} a second",
                *(f"             because of {sentence}" for sentence in good.proof),
                f"rolled back  {bad.detect_seconds:.1f} s after its first request, the route {bad.route_seconds:.2f} s "
                f"after the verdict; {bad.bad_responses} bad answers",
                f"             because of {bad.reason}",
                f"objects      {self.objects_after}",
            ]
        )


def _camel(fields: dict[str, object]) -> dict[str, object]:
    """snake_case to camelCase; seconds to the millisecond."""
    result: dict[str, object] = {}
    for name, value in fields.items():
        first, *others = name.split("_")
        result[first + "".join(map(str.capitalize, others))] = round(value, 3) if isinstance(value, float) else value
    return result
