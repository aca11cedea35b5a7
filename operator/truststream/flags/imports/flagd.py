"""flagd's flag definitions: targeting becomes rules that evaluate the same, or the flag is left out and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from truststream.api.featureflag import BucketingVersion
from truststream.flags.imports.base import Effect, Harvest, Imported, Unsupported, check_key, finished
from truststream.flags.imports.boolean import MOST, Condition, Expression, Not, TooMany, alternatives
from truststream.flags.imports.dealing import Dealer, Shares
from truststream.flags.imports.jsonlogic import Reader, operation
from truststream.flags.imports.variants import Variants, type_of

Rule = dict[str, Any]


def import_flagd(
    content: Any, *, namespace: str | None = None, version: BucketingVersion = BucketingVersion.FLAGD_V2
) -> Imported:
    """A file as flagd reads it: `flags`, `$evaluators` and `metadata`.

    Raises:
        Unsupported: it is none.
    """
    harvest = Harvest()
    add_flags(harvest, content, version)
    return finished(harvest, namespace)


def add_flags(harvest: Harvest, content: Any, version: BucketingVersion, root: str = "") -> None:
    """Add the flags of one document; paths in the report begin with `root`.

    Raises:
        Unsupported: it has no flags.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("flags"), (dict, list)):
        raise Unsupported(f"{root}flags", "flagd's definitions have an object `flags`")
    expanded = _expanded(content["flags"], content.get("$evaluators") or {})
    for key, flag, path in _entries(expanded, root):
        harvest.report.flag = key
        try:
            check_key(key)
            harvest.specs[key] = _Flag(harvest, flag, path, version).spec()
        except Unsupported as error:
            harvest.report.omit(error.path or path, error.reason)


def _entries(flags: Any, root: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(flags, list):
        for index, one in enumerate(flags):
            key = str(one.get("key", "")) if isinstance(one, dict) else ""
            yield key, one, f"{root}flags[{index}]"
        return
    for key, one in flags.items():
        yield key, one, f"{root}flags.{key}"


def _expanded(value: Any, evaluators: Mapping[str, Any]) -> Any:
    """With every `$ref` replaced; a reference to nothing stays and is no operator that anybody knows."""
    if isinstance(value, dict):
        if list(value) == ["$ref"] and value["$ref"] in evaluators:
            return evaluators[value["$ref"]]
        return {name: _expanded(one, evaluators) for name, one in value.items()}
    return [_expanded(one, evaluators) for one in value] if isinstance(value, list) else value


@dataclass(slots=True)
class _Flag:
    """One flag on its way."""

    harvest: Harvest
    flag: Any
    path: str
    version: BucketingVersion
    rules: list[Rule] = field(default_factory=list)

    def spec(self) -> dict[str, Any]:
        """As a FeatureFlag has it."""
        flag, report = self.flag, self.harvest.report
        if not isinstance(flag, dict) or not isinstance(flag.get("variants"), dict) or not flag["variants"]:
            raise Unsupported(f"{self.path}.variants", "a flag has variants")
        variants = Variants.of(flag["variants"], report, f"{self.path}.variants")
        default = self._default(variants)
        spec: dict[str, Any] = {
            "type": type_of(flag["variants"].values(), f"{self.path}.variants"),
            "variants": variants.values,
            "defaultVariant": default,
        }
        spec |= self._metadata()
        if flag.get("state") != "ENABLED":
            said = "a disabled flag leaves the value to the application there; here it gives the default variant"
            report.add(f"{self.path}.state", Effect.CHANGED, said)
            spec["enabled"] = False
        if flag.get("targeting"):
            self._targeting(spec, variants, default)
        return spec

    def _default(self, variants: Variants) -> str:
        default = self.flag.get("defaultVariant")
        name = str(default).lower() if isinstance(default, bool) else default
        if not name or not isinstance(name, str):
            raise Unsupported(f"{self.path}.defaultVariant", "without one the application decides, and ours needs one")
        return variants.name(name, f"{self.path}.defaultVariant")

    def _metadata(self) -> dict[str, Any]:
        metadata = self.flag.get("metadata") or {}
        owner = metadata.get("owner")
        found = {"owner": owner} if isinstance(owner, str) and 0 < len(owner) <= 253 else {}
        if rest := sorted(set(metadata) - set(found)):
            self.harvest.report.add(f"{self.path}.metadata", Effect.NOTE, f"{', '.join(rest)}: not carried over")
        return found

    def _targeting(self, spec: dict[str, Any], variants: Variants, default: str) -> None:
        dealer = Dealer(self.harvest.report, self.version)
        walk = _Walk(self.harvest, variants, default, dealer)
        try:
            walk.outcome(self.flag["targeting"], [], f"{self.path}.targeting")
        except (TooMany, RecursionError) as error:
            raise Unsupported(f"{self.path}.targeting", f"has more than {MOST} alternatives") from error
        spec["rules"] = _tidied(walk.rules, default)
        if dealer.source is not None:
            source = dealer.source
            salt = {} if source.salt is None else {"salt": source.salt}
            spec["bucketing"] = {"version": self.version.value, "by": source.by, **salt}


@dataclass(slots=True)
class _Walk:
    """Turns a decision tree into rules: those for a branch cover it wholly, so that later ones are for the rest."""

    harvest: Harvest
    variants: Variants
    default: str
    dealer: Dealer
    rules: list[Rule] = field(default_factory=list)

    def outcome(self, logic: Any, where: list[Condition], path: str) -> None:
        """Rules that give what the expression gives, for contexts of which `where` holds."""
        if not isinstance(logic, dict):
            self._constant(logic, where, path)
            return
        name, arguments = operation(logic, path)
        if name in ("if", "?:"):
            self._branches(arguments, where, f"{path}.{name}")
        elif name == "fractional":
            self._shares(self.dealer.read(arguments, f"{path}.{name}"), where, f"{path}.{name}")
        else:
            self._condition(logic, where, path)

    def _branches(self, arguments: list[Any], where: list[Condition], path: str) -> None:
        reader = Reader(self.harvest.report)
        for index in range(0, len(arguments) - 1, 2):
            test = reader.read(arguments[index], f"{path}[{index}]")
            self._when(test, arguments[index + 1], where, f"{path}[{index + 1}]")
        last = len(arguments) - 1
        self.outcome(arguments[last] if len(arguments) % 2 else None, where, f"{path}[{last}]")

    def _when(self, test: Expression, then: Any, where: list[Condition], path: str) -> None:
        for conditions in alternatives(test, self.harvest.segment_for):
            self.outcome(then, where + [one for one in conditions if one not in where], path)

    def _condition(self, logic: Any, where: list[Condition], path: str) -> None:
        """A whole targeting that is true or false, for variants of that name."""
        report, reader = self.harvest.report, Reader(self.harvest.report)
        test = reader.read(logic, path)
        yes, no = (self.variants.name(word, path) for word in ("true", "false"))
        if no != self.default:
            report.add(path, Effect.CHANGED, "what is neither true nor false gives the default there, and false here")
        if operation(logic, path)[0] in ("and", "or", "var", "if", "?:"):
            report.add(path, Effect.STRICTER, "gives the last operand there, which may be no boolean")
        self._when(test, yes, where, path)
        self._when(Not(test), no, where, path)

    def _constant(self, value: Any, where: list[Condition], path: str) -> None:
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is not None and not isinstance(value, str):
            raise Unsupported(path, f"{json.dumps(value)} is no variant's name")
        self._rule(where, self.default if value is None else self.variants.name(value, path))

    def _shares(self, shares: Shares, where: list[Condition], path: str) -> None:
        """Each variant has those who are in its share and not in that of an earlier one; nobody without a unit."""
        by = shares.source.by
        for variant, end in shares.ends:
            name = self.default if variant is None else self.variants.name(variant, path)
            if end < 100:
                self._rule(where, name, end)
                continue
            self._rule([*where, *_has_unit(by)], name)
            break
        self._rule(where, self.default)

    def _rule(self, conditions: list[Condition], variant: str, percent: float = 100) -> None:
        rule: Rule = {"name": f"rule-{len(self.rules) + 1}", "conditions": list(conditions), "variant": variant}
        self.rules.append(rule | ({"rolloutPercentage": percent} if percent < 100 else {}))
        if len(self.rules) > MOST:
            raise TooMany


def _has_unit(by: str) -> list[Condition]:
    """The targeting key is a text in OpenFeature; other fields are wherever the report says nothing."""
    return [{"field": by, "operator": "NotIn", "value": [None, ""]}]


def _tidied(rules: list[Rule], default: str) -> list[Rule]:
    """Without rules that nobody comes to, and without those at the end that give the default anyway."""
    kept: list[Rule] = []
    for rule in rules:
        if rule.get("rolloutPercentage") != 0:
            kept.append(rule)
        if not rule["conditions"] and "rolloutPercentage" not in rule:
            break
    while kept and kept[-1]["variant"] == default:
        kept.pop()
    return kept
