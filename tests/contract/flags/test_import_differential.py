"""A flag that was imported from flagd's JSON gives what flagd's core gives for the original.

Where the report is silent for any context; where it says that types are no longer converted, for contexts that have
the types that the flag is written for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.flags.cores import Core, Question, core
from tests.contract.flags.random_flagd import Writer
from tests.contract.flags.random_flags import Maker
from truststream.flags.build import build
from truststream.flags.flagset import FlagSet
from truststream.flags.imports.base import Effect, Imported
from truststream.flags.imports.flagd import import_flagd
from truststream.flags.segmentsource import read_segments, segment_source_of
from truststream.flags.source import source_of

FLAGS, CONTEXTS = 300, 20


@pytest.fixture(scope="module")
def v2() -> Iterator[Core]:
    with core("v2") as evaluator:
        yield evaluator


def built(imported: Imported) -> FlagSet:
    maps = [segment_source_of(one) for one in imported.manifests if one["kind"] == "ConfigMap"]
    sources = [source_of(one) for one in imported.manifests if one["kind"] == "FeatureFlag"]
    flags = build(sources, read_segments(maps).known, namespace="", environment="", now=0.0)
    assert dict(flags.problems) == {}
    return flags


def compare(v2: Core, writer: Writer, context: Callable[[], dict[str, Any]], allowed: set[Effect]) -> list[str]:
    original = {"flags": {f"flag-{index}": writer.flag() for index in range(FLAGS)}}
    imported = import_flagd(original)
    flags = built(imported)
    loud = {one.flag for one in imported.report.findings if one.effect not in allowed}
    asked = [key for key in flags.flags if key not in loud]
    assert len(asked) > FLAGS * 0.9, imported.report.findings
    questions = [Question(key, "string", context(), writer.now()) for key in asked for _ in range(CONTEXTS)]
    found = []
    for one, told in zip(questions, v2.ask(original, questions), strict=True):
        ours = flags.evaluate(one.key, one.context, one.now)
        if (told.variant, told.value, told.error) != (ours.variant, ours.value, None):
            found.append(f"{one}: we say {ours}, flagd {told}; {json.dumps(original['flags'][one.key])}")
    return found


def test_what_is_imported_in_silence_is_the_same_for_any_context(v2: Core) -> None:
    writer, maker = Writer(1, strict=True), Maker(2)

    def context() -> dict[str, Any]:
        found = maker.context() | {"version": "1.2.0"}
        return writer.context() if maker.random.random() < 0.5 else found

    assert compare(v2, writer, context, {Effect.NOTE}) == []


def test_what_converts_types_is_the_same_where_the_types_are_right(v2: Core) -> None:
    writer = Writer(3, strict=False)
    assert compare(v2, writer, writer.context, {Effect.NOTE, Effect.STRICTER}) == []
