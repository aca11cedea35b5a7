"""Evaluations in process: a typical flag, a plain one, the worst that the limits allow; and what 10,000 flags hold."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.bench.flags.flags import context, manifest, typical
from truststream.flags.build import build
from truststream.flags.evaluation import Context
from truststream.flags.flagset import FlagSet
from truststream.flags.source import source_of

_NOW: Final = 1_780_000_000.0
_SECONDS: Final = 1.0
_ROUNDS: Final = 5
_MANY: Final = 10_000
_PAGE: Final = 4096


def measure() -> Mapping[str, Any]:
    """Evaluations a second of CPU, best of five rounds; bytes of memory, milliseconds of building."""
    contexts = [context(number) for number in range(1000)]
    plain = manifest("plain")
    return {
        "typicalPerSecond": round(_rate(_set(typical("typical")), "typical", contexts)),
        "staticPerSecond": round(_rate(_set(plain), "plain", contexts)),
        "percentagePerSecond": round(_rate(_set(_rolled()), "rolled", contexts)),
        "worstPerSecond": round(_rate(_set(_worst()), "worst", contexts[:10])),
        "worst": "1,000 rules of 10 conditions, all of them looked at",
        **_held(),
    }


def _set(*manifests: Mapping[str, Any], previous: FlagSet | None = None) -> FlagSet:
    sources = [source_of(one) for one in manifests]
    built = build(sources, {}, namespace="bench", environment="", now=_NOW, previous=previous)
    if built.problems:
        raise RuntimeError(f"a flag of the benchmark cannot be served: {built.problems}")
    return built


def _rolled() -> Mapping[str, Any]:
    return manifest("rolled", rolloutVariant="on", rolloutPercentage=20)


def _worst() -> Mapping[str, Any]:
    """As many conditions as a flag may have; the last of each rule fails, so that every one is asked."""
    holds = {"field": "country", "operator": "Exists"}
    fails = {"field": "planet", "operator": "Exists"}
    rules = [{"name": f"r{number}", "variant": "on", "conditions": [holds] * 9 + [fails]} for number in range(1000)]
    return manifest("worst", rules=rules)


def _rate(flags: FlagSet, key: str, contexts: Sequence[Context]) -> float:
    return max(_round(flags.evaluate, key, contexts) for _ in range(_ROUNDS))


def _round(evaluate: Callable[[str, Context, float], object], key: str, contexts: Sequence[Context]) -> float:
    """CPU time, for the machine has other work."""
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < _SECONDS / _ROUNDS:
        for one in contexts:
            evaluate(key, one, _NOW)
        done += len(contexts)
    return done / spent


def _held() -> Mapping[str, Any]:
    manifests = [typical(f"flag-{number}") for number in range(_MANY)]
    gc.collect()
    before, start = _resident(), time.process_time()
    built = _set(*manifests)
    took = time.process_time() - start
    gc.collect()
    held = _resident() - before
    manifests[0] = typical("flag-0") | {"spec": {**manifests[0]["spec"], "rolloutPercentage": 21}}
    start = time.process_time()
    _set(*manifests, previous=built)
    return {
        "flags": _MANY,
        "bytesPerFlag": round(held / _MANY),
        "buildMilliseconds": round(1000 * took),
        "rebuildOneMilliseconds": round(1000 * (time.process_time() - start)),
    }


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE
