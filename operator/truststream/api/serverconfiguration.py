"""The part `server` of the operator's configuration file: who may ask, how much, and where exposures are kept."""

from __future__ import annotations

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from truststream.api.base import ApiModel
from truststream.api.featureflag import EnvironmentName
from truststream.api.quantities import PositiveDuration

EVERYWHERE: Final = "*"
Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_NAMESPACE: Final = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?|\*)$"
NamespaceOrAll = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=_NAMESPACE)]


def _origin(value: str) -> str:
    if value == EVERYWHERE:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ValueError("write it like https://shop.example, or * for every page")
    return value


def _database(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("sqlite", "postgresql"):
        raise ValueError("write it like sqlite:////var/lib/truststream/store.db or postgresql://db.example/truststream")
    if parts.password:
        raise ValueError("never carries a password; put the whole URL into a Secret and name its file in urlFile")
    return value


Origin = Annotated[str, AfterValidator(_origin)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]


class ServerLimits(ApiModel):
    """What a request and a caller may cost."""

    body: int = Field(1_048_576, ge=1024, le=67_108_864, description="Bytes of a request's body; more is a 413.")
    headers: int = Field(65_536, ge=1024, le=1_048_576, description="Bytes of all headers; more is a 431.")
    requests_per_second: float = Field(
        0, ge=0, description="Of each caller, over a second or two; more is a 429. 0: without a limit."
    )
    concurrent_requests: int = Field(1000, ge=1, description="Answered at the same time; more is a 429.")
    streams: int = Field(1000, ge=1, description="Open streams, counted apart over HTTP and over gRPC; more is a 429.")
    request_timeout: PositiveDuration = Field(5.0, description="In which a request must have arrived.")


class ServerTls(ApiModel):
    """The server's certificate; files that change are read again."""

    certificate_file: Path = Field(description="PEM, the whole chain.")
    key_file: Path = Field(description="PEM.")


class StoreConfiguration(ApiModel):
    """Where exposures are kept."""

    url: DatabaseUrl | None = Field(None, description="sqlite:////path or postgresql://host/database, no password.")
    url_file: Path | None = Field(None, description="A file that holds the URL, password and all.")
    spool_directory: Path = Field(
        "/var/lib/truststream/spool", description="Where exposures wait while the database is away; a volume."
    )
    spool_bytes: int = Field(268_435_456, ge=1_048_576, description="What the spool may hold.")
    retention: PositiveDuration = Field(90 * 24 * 3600.0, description="How long exposures are kept.")

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise ValueError("takes url or urlFile, one of them")
        return self


class ServerConfiguration(ApiModel):
    """The server role."""

    environment: EnvironmentName | None = Field(
        None, description="The environment of requests that name none; without one flags are as in their spec."
    )
    anonymous: list[NamespaceOrAll] = Field(
        default_factory=list, description="Namespaces whose flags anybody may evaluate; * for all."
    )
    audience: Path = Field("truststream", description="Audience that ServiceAccount tokens must be made for.")
    api_keys: Path | None = Field(
        None, description="Directory, a mounted Secret, of API keys: a file <namespace>.<name> each."
    )
    origins: list[Origin] = Field(default_factory=list, description="Web pages that may ask (CORS); * for all.")
    limits: ServerLimits = Field(
        default_factory=lambda: ServerLimits.model_validate({}), description="What a request and a caller may cost."
    )
    tls: ServerTls | None = Field(None, description="Without it the server speaks plain HTTP.")
    store: StoreConfiguration | None = Field(None, description="Without it no exposures are kept.")
