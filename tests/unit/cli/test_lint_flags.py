"""`lint` of FeatureFlags and segments: what the operator refuses, what is rarely meant, and what files say together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.bad_flags import BAD_FLAGS, GOOD, GOOD_CONDITIONS, WHOLE, BadFlag, condition, flag
from tests.unit.cli.conftest import Run
from truststream.cli.findings import Finding, Level
from truststream.cli.flag_lint import flag_findings, gather, segment_findings

NOW = 1_790_000_000.0  # September 2026
OWNED = {**GOOD, "owner": "shop"}


def _segments(name: str = "segments", **data: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"truststream.dev/segments": "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


STAFF = "conditions: [{field: email, operator: EndsWith, value: '@example.com'}]"


def _say(change: dict[str, Any], *others: dict[str, Any]) -> list[Finding]:
    one = flag({**OWNED, **change}, "one")
    return flag_findings(one, gather([one, *others], NOW))


@pytest.mark.parametrize("bad", BAD_FLAGS, ids=lambda bad: bad.id)
def test_what_the_operator_refuses_is_an_error(bad: BadFlag) -> None:
    found = flag_findings(bad.manifest, gather([bad.manifest], NOW))
    assert (Level.ERROR, bad.path) in {(one.level, one.path) for one in found}


@pytest.mark.parametrize("change", [{}, *GOOD_CONDITIONS[:10]], ids=lambda change: str(change)[:50])
def test_a_good_flag_is_clean(change: dict[str, Any]) -> None:
    assert [one for one in _say(change) if "OFREP" not in one.message] == []


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (
            condition("Matches", field="a", value="("),
            "spec.rules[0].conditions[0].value",
            "is no regular expression of RE2",
        ),
        (condition("Cidr", field="a", value="10.0.0.0/33"), "spec.rules[0].conditions[0].value", "10.0.0.0/33"),
        (condition("SemVer", field="a", value="1"), "spec.rules[0].conditions[0].value", "a comparison and a version"),
        (
            condition("Weekday", value="Mon", timeZone="Europe/Nowhere"),
            "spec.rules[0].conditions[0].timeZone",
            "is no time zone",
        ),
        (
            {"environments": {"a": {"inherits": "b"}, "b": {"inherits": "a"}}},
            "spec.environments.a.inherits",
            "in a circle",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_only_compiling_tells_is_an_error(change: dict[str, Any], path: str, said: str) -> None:
    assert any(one.level is Level.ERROR and one.path == path and said in one.message for one in _say(change))


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"owner": None}, "spec.owner", "is missing"),
        ({"expiresAt": "2026-01-01T00:00:00Z"}, "spec.expiresAt", "has passed"),
        ({"rolloutVariant": "on"}, "spec.rolloutVariant", "nobody gets it"),
        ({"schedule": [{"at": "2026-12-01T00:00:00Z"}]}, "spec.schedule[0]", "changes nothing"),
        (
            {
                "rules": [
                    {
                        "name": f"r{index}",
                        "variant": "on",
                        "conditions": [{"field": "a", "operator": "Equals", "value": 1}] * 100,
                    }
                    for index in range(11)
                ]
            },
            "spec.rules",
            "there are 1100 conditions",
        ),
        (condition("Matches", field="a", value="^x"), "spec", "over OFREP only"),
        (
            {"environments": {"prod": condition("Cidr", field="ip", value="10.0.0.0/8")}},
            "spec.environments.prod",
            "over OFREP only",
        ),
        ({"prerequisites": [{"flag": "other", "variants": ["on"]}]}, "spec.prerequisites[0].flag", "not in the files"),
        (condition("InSegment", value="staff"), "spec.rules[0].conditions[0].value", "not in the files"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_rarely_meant_is_a_warning(change: dict[str, Any], path: str, said: str) -> None:
    spec = {key: value for key, value in {**OWNED, **change}.items() if value is not None}
    one = flag(spec, "one")
    found = flag_findings(one, gather([one], NOW))
    assert [(each.level, each.path) for each in found] == [(Level.WARNING, path)]
    assert said in found[0].message


def test_files_are_looked_at_together() -> None:
    needs = {"prerequisites": [{"flag": "other", "variants": ["on"]}], **condition("InSegment", value="staff")}
    other = flag(OWNED, "other")
    assert _say(needs, other, _segments(staff=STAFF)) == []
    wrong = {"prerequisites": [{"flag": "other", "variants": ["blue"]}]}
    assert ["is no variant of other" in one.message for one in _say(wrong, other)] == [True]
    back = flag({**OWNED, "prerequisites": [{"flag": "one", "variants": ["on"]}]}, "other")
    (cycle,) = _say({"prerequisites": [{"flag": "other", "variants": ["on"]}]}, back)
    assert (cycle.level, "needs this flag in turn" in cycle.message) == (Level.ERROR, True)


def test_another_namespace_is_another_world() -> None:
    other = flag(OWNED, "other")
    other["metadata"]["namespace"] = "elsewhere"
    (found,) = _say({"prerequisites": [{"flag": "other", "variants": ["on"]}]}, other)
    assert found.level is Level.WARNING


def test_two_flags_with_one_key() -> None:
    (found,) = _say({"key": "two"}, flag(OWNED, "two"))
    assert (found.level, found.path) == (Level.ERROR, "spec.key")


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        ({"staff": STAFF}, "", ""),
        ({}, "data", "is empty"),
        ({"staff": "conditions: ["}, "data.staff", "no YAML"),
        ({"staff": {"conditions": []}}, "data.staff", "must be a text"),
        ({"staff": "people: []"}, "data.staff", "people"),
        ({"staff": "conditions: [{operator: InSegment, value: a}]"}, "data.staff", "cannot be nested"),
        ({"staff": "conditions: [{field: a, operator: Matches, value: '('}]"}, "data.staff", "RE2"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_segments(data: dict[str, Any], path: str, said: str) -> None:
    manifest = _segments(**data)
    found = segment_findings(manifest, gather([manifest], NOW))
    assert [(one.level, one.path) for one in found] == ([(Level.ERROR, path)] if path else [])
    assert all(said in one.message for one in found)


def test_one_segment_in_two_config_maps() -> None:
    manifests = [_segments("a", staff=STAFF), _segments("b", staff=STAFF, beta=STAFF)]
    (found,) = segment_findings(manifests[0], gather(manifests, NOW))
    assert (found.level, found.path) == (Level.ERROR, "data.staff")


def test_lines_of_files(run: Run, tmp_path: Path) -> None:
    """A flag in one file, its segment in another; unquoted YAML words; a ConfigMap that is not ours."""
    (tmp_path / "flag.yaml").write_text(
        "apiVersion: truststream.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {name: one}\nspec:\n  owner: shop\n"
        "  type: Boolean\n  variants: {on: true, off: false}\n  defaultVariant: 'off'\n  rules:\n  - name: staff\n"
        "    variant: 'true'\n    conditions: [{operator: InSegment, value: staff}]\n"
    )
    others = {"kind": "List", "items": [_segments(staff=STAFF), {"kind": "ConfigMap", "metadata": {"name": "x"}}]}
    (tmp_path / "rest.yaml").write_text(json.dumps(others))
    told = run("lint", str(tmp_path))
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        f"{tmp_path}/flag.yaml:8: error: FeatureFlag one: spec.defaultVariant: "
        "is not one of variants (unquoted, YAML reads on, off, yes and no as true and false)"
    ]
    assert told.stderr == "2 checked: 1 errors, 0 warnings\n"


def test_a_flag_without_a_name(run: Run, tmp_path: Path) -> None:
    manifest = flag(OWNED)
    manifest["metadata"] = {}
    (tmp_path / "flag.yaml").write_text(json.dumps(manifest))
    assert "FeatureFlag without a name: metadata.name: is missing" in run("lint", str(tmp_path)).stdout


def test_the_whole_flag_lacks_only_what_is_elsewhere() -> None:
    found = flag_findings(flag(WHOLE, "whole"), gather([flag(WHOLE, "whole")], NOW))
    assert {one.level for one in found} == {Level.WARNING}
    assert {one.path.partition("[")[0] for one in found} == {"spec.prerequisites"}
