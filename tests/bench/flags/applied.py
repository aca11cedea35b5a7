"""From `kubectl apply` to the first evaluation of the new value, on a real API server."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.flags import flags
from tests.bench.flags.server import Server, running
from tests.cluster import Cluster, ensure
from tests.integration import installation

NAME = "bench-flags"
CHANGES = 20
LIMIT = 30.0
_KEY, _NAMESPACE = "checkout", "bench"


def measure() -> dict[str, Any]:
    """Milliseconds after kubectl had returned; 0 where the server was the faster."""
    cluster = ensure("control-plane", NAME)
    try:
        installation.install(cluster)
        cluster.kubectl("create", "namespace", _NAMESPACE)
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Path(folder) / "none", kubeconfig=cluster.kubeconfig) as one,
        ):
            found = [_change(cluster, one, ("off", "on")[number % 2]) for number in range(CHANGES)][1:]
        return {"medianMilliseconds": round(1000 * median(found), 1), "maxMilliseconds": round(1000 * max(found), 1)}
    finally:
        cluster.down()


def _change(cluster: Cluster, server: Server, default: str) -> float:
    text = json.dumps(flags.manifest(_KEY, _NAMESPACE, defaultVariant=default))
    cluster.kubectl("apply", "-f", "-", input=text)
    applied = time.monotonic()
    while _variant(server) != default:
        if time.monotonic() - applied > LIMIT:
            raise RuntimeError(f"{default} was not served within {LIMIT:g} s of kubectl apply")
        time.sleep(0.002)
    return time.monotonic() - applied


def _variant(server: Server) -> str:
    """Empty while the flag is not known."""
    url = f"http://127.0.0.1:{server.http}/ofrep/v1/evaluate/flags/{_KEY}"
    headers = {"Content-Type": "application/json", "Flagd-Selector": f"flagSetId={_NAMESPACE}"}
    asked = urllib.request.Request(url, b"{}", headers)
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return str(json.load(answer)["variant"])
    except urllib.error.HTTPError:
        return ""
