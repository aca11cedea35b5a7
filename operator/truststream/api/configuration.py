"""The operator's configuration file (one ConfigMap): where the metrics are, metrics by name, defaults for specs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self, TypeVar, get_args
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, WithJsonSchema, model_validator

from truststream.api.base import ApiModel
from truststream.api.canarydeployment import Direction, MetricKind
from truststream.api.names import METRIC_NAME
from truststream.api.quantities import Duration, Interval, PositiveDuration
from truststream.api.serverconfiguration import ServerConfiguration
from truststream.errors import ConfigurationError

FILE: Final = "config.yaml"
DEFAULT_SOURCE: Final = "prometheus"
"""The name of the source under `prometheus`; a metric that names none is asked there."""

Model = TypeVar("Model", bound=ApiModel)
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
MetricName = Annotated[str, StringConstraints(pattern=METRIC_NAME, max_length=63)]


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write it like http://prometheus.monitoring.svc:9090")
    if parts.username or parts.password:
        raise ValueError("never carries credentials; put them into a Secret and name that")
    if parts.query or parts.fragment:
        raise ValueError("ends with the path; it has no ? and no #")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
"""An http or https URL without credentials, query and closing slash."""


def _plain_headers(headers: dict[str, str]) -> dict[str, str]:
    if secret := [name for name in headers if name.lower() in _CREDENTIAL_HEADERS]:
        raise ValueError(f"headers.{secret[0]} is a credential: put it into a Secret and name that")
    return headers


_CREDENTIAL_HEADERS: Final = ("authorization", "cookie", "proxy-authorization")
PlainHeaders = Annotated[dict[str, str], AfterValidator(_plain_headers)]
"""Headers of which none is a credential."""


class SecretKey(ApiModel):
    """One key of a Secret in the operator's namespace."""

    name: Text = Field(description="Name of the Secret, in the operator's namespace.")
    key: Text = Field("token", description="Key in the Secret.")


class CaSecret(ApiModel):
    """A CA bundle in a Secret of the operator's namespace."""

    name: Text = Field(description="Name of the Secret, in the operator's namespace.")
    key: Text = Field("ca.crt", description="Key in the Secret; PEM.")


class BasicAuthSecret(ApiModel):
    """A Secret of type kubernetes.io/basic-auth in the operator's namespace."""

    name: Text = Field(description="Name of the Secret; its keys are username and password.")


class Tls(ApiModel):
    """How the source's certificate is checked."""

    ca_secret: CaSecret | None = Field(None, description="Who signed it; by default the CAs of the image.")
    insecure_skip_verify: bool = Field(False, description="Accept any certificate: only for a laptop.")
    server_name: Text | None = Field(None, description="Name in the certificate, where it is not the address's host.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.insecure_skip_verify and (self.ca_secret or self.server_name):
            raise ValueError("insecureSkipVerify checks nothing: leave out caSecret and serverName, or it")
        return self


class PrometheusConfiguration(ApiModel):
    """Where Prometheus, or what speaks its query API, is."""

    address: Address = Field(description="URL up to, and without, /api/v1.")
    timeout: PositiveDuration = Field(10.0, description="The longest that one query may take.")
    bearer_token_secret: SecretKey | None = Field(None, description="Where the bearer token is.")
    basic_auth_secret: BasicAuthSecret | None = Field(None, description="Where user and password are.")
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}), description="How its certificate is checked.")
    headers: PlainHeaders = Field(
        default_factory=dict, description="Sent with every query, e.g. X-Scope-OrgID; never a credential."
    )

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.bearer_token_secret and self.basic_auth_secret:
            raise ValueError("takes bearerTokenSecret or basicAuthSecret, not both")
        return self


class SourceDefinition(ApiModel):
    """Another metric source, by name."""

    type: Text = Field(description="CloudWatch, Datadog, Graphite, HttpJson, InfluxDB, NewRelic or Prometheus.")
    config: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict, description="The source's own settings; see the page of its type."
    )


class MetricDefinition(ApiModel):
    """A metric that specs use by its name: the fields of spec.monitoringMetrics[] without the name."""

    kind: MetricKind = Field(description="Ratio, Distribution or Value.")
    source: Text | None = Field(None, description="Name of the source that is asked; default prometheus.")
    bad: Text | None = Field(
        None, description="Ratio: selector of the counter of bad requests; elsewhere a query of their count."
    )
    total: Text | None = Field(
        None, description="Ratio: selector of the counter of all requests; elsewhere a query of their count."
    )
    buckets: Text | None = Field(None, description="Distribution: selector of the histogram's buckets.")
    query: Text | None = Field(
        None, description="Value: expression, in the source's language, that gives one number for one arm."
    )
    direction: Direction | None = Field(None, description="Value: which way is better.")
    quantile: float | None = Field(None, gt=0, lt=1, description="Distribution: the quantile; default 0.99.")


class AnalysisDefaults(ApiModel):
    """Defaults of spec.analysis."""

    interval: Interval | None = Field(None, description="Time between two looks.")
    warmup: Duration | None = Field(None, description="Time after the first weight that is not judged.")
    minimum_requests: int | None = Field(None, ge=1, description="Requests before a verdict.")


class Defaults(ApiModel):
    """What a CanaryDeployment's spec gets where it says nothing."""

    step_duration: PositiveDuration | None = Field(None, description="The least time at each weight.")
    analysis: AnalysisDefaults = Field(
        default_factory=lambda: AnalysisDefaults.model_validate({}), description="Of spec.analysis."
    )


class Configuration(ApiModel):
    """The whole file."""

    prometheus: PrometheusConfiguration | None = Field(None, description="Where the metrics are.")
    sources: dict[MetricName, SourceDefinition] = Field(
        default_factory=dict, description="Metric sources besides `prometheus`, by the name that metrics use."
    )
    metrics: dict[MetricName, MetricDefinition] = Field(
        default_factory=dict, description="Metrics that specs use by name."
    )
    defaults: Defaults = Field(default_factory=lambda: Defaults.model_validate({}), description="Defaults for specs.")
    scrape_interval: PositiveDuration = Field(
        15.0, description="How often counters are scraped; used until the samples themselves tell."
    )
    server: ServerConfiguration = Field(
        default_factory=lambda: ServerConfiguration.model_validate({}), description="The server of feature flags."
    )

    @model_validator(mode="after")
    def _default_is_reserved(self) -> Self:
        if DEFAULT_SOURCE in self.sources:
            raise ValueError(f"sources.{DEFAULT_SOURCE}: is the name of the one under `prometheus`; choose another")
        return self

    def complete(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """A spec as in YAML with `defaults` filled in where it says nothing."""
        return _merged(self.defaults.dump(), spec)


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(given)
    for key, value in defaults.items():
        if isinstance(value, Mapping):
            below = given.get(key, {})
            if isinstance(below, Mapping) and (merged := _merged(value, below)):
                result[key] = merged
        else:
            result.setdefault(key, value)
    return result


def load(text: str, file: str = FILE) -> Configuration:
    """The configuration in `text`; an empty file is one that sets nothing.

    Raises:
        ConfigurationError: names file, field and remedy; every mistake at once.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file}: this is no YAML: {' '.join(str(error).split())}") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{file}: must be a mapping with {_listed(Configuration)}")
    return parse(Configuration, data, file)


def parse(model: type[Model], data: Mapping[str, Any], file: str = FILE, place: str = "") -> Model:
    """The settings in `data`, which stand at `place` of the file.

    Raises:
        ConfigurationError: names file, field and remedy; every mistake at once.
    """
    try:
        # Through JSON, so that the same rules hold as at the API server: a duration has a unit, a name is a string.
        return model.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigurationError("\n".join(_sentence(model, file, place, one) for one in error.errors())) from None


def _sentence(model: type[ApiModel], file: str, root: str, error: Any) -> str:
    place = [str(part) for part in error["loc"] if part != "[key]"]
    where = ".".join([root, *place] if root else place) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{file}: {where}: unknown key; known here: {_listed(_model_at(model, place[:-1]))}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{file}: {where}: {message}"


def _listed(model: type[ApiModel]) -> str:
    return ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))


def _model_at(model: type[ApiModel], place: list[str]) -> type[ApiModel]:
    """The model that the keys of this place below `model` belong to."""
    for part in place:
        found = next((field for name, field in model.model_fields.items() if part in (field.alias, name)), None)
        # A name of the user's own (metrics.checkout) is no field: its model was already chosen by its parent.
        model = _model_in(found.annotation) or model if found else model
    return model


def _model_in(annotation: Any) -> type[ApiModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)
