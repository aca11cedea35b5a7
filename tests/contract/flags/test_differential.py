"""What we deliver to flagd's in-process evaluators gives there what we give, whatever flag and context.

All is random, from fixed seeds; contexts mix types on purpose. FlagdV2 is compared with the cores that deal by version
2, FlagdV3 with the one that deals by version 3, and flags that deal no units with all of them. Node's checks every
definition against flagd's published schema as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.contract.flags.cores import Core, Question, core
from tests.contract.flags.random_flags import KINDS, NOW, SEGMENTS, Maker
from truststream.api.featureflag import Segment
from truststream.flags.build import build
from truststream.flags.evaluation import Reason
from truststream.flags.flagd import document
from truststream.flags.flagset import FlagSet
from truststream.flags.source import FlagSource

FLAGS, CONTEXTS = 500, 20


@pytest.fixture(scope="module")
def v2() -> Iterator[Core]:
    with core("v2") as evaluator:
        yield evaluator


@pytest.fixture(scope="module")
def v3() -> Iterator[Core]:
    with core("v3") as evaluator:
        yield evaluator


@pytest.fixture(scope="module")
def node() -> Iterator[Core]:
    with core("node") as evaluator:
        yield evaluator


def flag_set(specs: Mapping[str, dict[str, Any]]) -> FlagSet:
    segments = {name: Segment.model_validate(segment) for name, segment in SEGMENTS.items()}
    sources = [
        FlagSource("shop", f"flag-{index}", f"uid-{index}", 1, f"2026-01-01T00:00:{index % 60:02}Z", spec)
        for index, spec in enumerate(specs.values())
    ]
    made = build(sources, segments, namespace="shop", environment="", now=NOW)
    assert dict(made.problems) == {}
    return made


def differences(flags: FlagSet, maker: Maker, evaluator: Core) -> list[str]:
    """Every pair of flag and context on which the evaluator and we do not agree, told in full."""
    sent = json.loads(document(flags))
    questions = [
        Question(key, KINDS[flags.flags[key].type], maker.context(), maker.now())
        for key in sent["flags"]
        for _ in range(CONTEXTS)
    ]
    assert len(questions) == FLAGS * CONTEXTS
    found, reasons = [], set[Reason]()
    for asked, told in zip(questions, evaluator.ask(sent, questions), strict=True):
        ours = flags.evaluate(asked.key, asked.context, asked.now)
        reasons.add(ours.reason)
        if (told.variant, told.value, told.error) != (ours.variant, ours.value, None):
            found.append(f"{asked}: we say {ours}, flagd {told}; {json.dumps(sent['flags'][asked.key])}")
    assert {Reason.TARGETING_MATCH, Reason.DEFAULT, Reason.DISABLED} <= reasons
    return found


def random_set(seed: int, version: str | None, *, plain: bool = False) -> tuple[FlagSet, Maker]:
    maker, specs = Maker(seed, plain=plain), dict[str, dict[str, Any]]()
    for index in range(FLAGS):
        key = f"flag-{index}"
        specs[key] = maker.flag(key, version, list(specs)[-3:])
    return flag_set(specs), maker


def test_flags_that_deal_no_units_are_the_same_everywhere(v2: Core, v3: Core, node: Core) -> None:
    for seed, evaluator in enumerate((v2, v3, node)):
        assert differences(*random_set(seed, None, plain=True), evaluator) == []


def test_version_2_is_dealt_as_python_deals_it(v2: Core) -> None:
    assert differences(*random_set(11, "FlagdV2"), v2) == []


def test_version_2_is_dealt_as_node_deals_it(node: Core) -> None:
    assert differences(*random_set(12, "FlagdV2", plain=True), node) == []


def test_version_3_is_dealt_as_python_deals_it(v3: Core) -> None:
    assert differences(*random_set(13, "FlagdV3"), v3) == []
