"""How we reach the API server, and as whom: in a cluster the pod's account, elsewhere a kubeconfig and its stand-in."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration

from truststream.errors import ConfigurationError

OPERATOR_USER: Final = "system:serviceaccount:truststream-system:truststream"
USER_AGENT: Final = f"truststream/{version('truststream')}"
_ACCOUNT_PREFIX: Final = "system:serviceaccount:"


@dataclass(frozen=True)
class Connection:
    """Where the API server is and who we are to it."""

    configuration: Any
    in_cluster: bool
    impersonate: str = ""
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """The base URL."""
        return str(self.configuration.host)

    def api_client(self) -> Any:
        """A client of its own pool; each part that must not wait for another has one."""
        client = ApiClient(self.configuration)
        client.rest_client.pool_manager = self.session()
        client.user_agent = USER_AGENT
        return client

    def session(self) -> aiohttp.ClientSession:
        """For kopf's watches and for our client: authenticates every request anew, since tokens are rotated."""
        rest = ApiClient(self.configuration).rest_client
        pairs = [(name, one) for name, value in self.headers.items() for one in _several(value)]
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=rest.ssl_context),
            headers=[("User-Agent", USER_AGENT), *pairs],
            middlewares=(self._authenticate,),
            read_bufsize=2**21,
        )

    async def _authenticate(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = await self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            request.headers["Authorization"] = token
        return await handler(request)


def _several(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def impersonation(user: str) -> dict[str, str | list[str]]:
    """The headers that make us `user`; a ServiceAccount comes with its groups, as its token would bring them."""
    if not user:
        return {}
    groups = ["system:authenticated"]
    if user.startswith(_ACCOUNT_PREFIX):
        namespace = user.removeprefix(_ACCOUNT_PREFIX).partition(":")[0]
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return {"Impersonate-User": user, "Impersonate-Group": groups}


def runs_in_cluster() -> bool:
    """Whether this process is a pod with an account of its own."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


async def connect(kubeconfig: str | None = None, user: str | None = None, context: str | None = None) -> Connection:
    """Find the API server: a given kubeconfig, else the pod's account, else the kubeconfig of the person.

    Outside a cluster we stand in for the operator's ServiceAccount, the one user that the policies let through,
    unless `user` says otherwise; an empty `user` means oneself.

    Raises:
        ConfigurationError: there is no way in.
    """
    configuration = Configuration()
    inside = kubeconfig is None and context is None and runs_in_cluster()
    try:
        if inside:
            kube_config.load_incluster_config(client_configuration=configuration)
        else:
            await kube_config.load_kube_config(kubeconfig, context, client_configuration=configuration)
    except (kube_config.ConfigException, OSError) as error:
        raise ConfigurationError(f"no API server: {error}; give --kubeconfig or set KUBECONFIG") from error
    who = user if user is not None else ("" if inside else OPERATOR_USER)
    return Connection(configuration, inside, who, impersonation(who))


def own_namespace() -> str:
    """Where this operator's Lease and Secrets are."""
    return os.environ.get("POD_NAMESPACE") or "truststream-system"


def own_identity() -> str:
    """Who holds the Lease: the pod, or host and process."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"
