"""A mutating webhook of someone else's, served by the test itself."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, command, waiting
from tests.integration.policies.meddler import MARK, in_force

Object = dict[str, Any]
Mutation = Callable[[Object], list[Object]]

_MARKED = [{"op": "add", "path": "/spec/template/spec/schedulerName", "value": MARK}]


def _certificate(directory: Path) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    assert openssl is not None
    key, certificate = directory / "webhook.key", directory / "webhook.crt"
    files = ["-keyout", str(key), "-out", str(certificate)]
    names = ["-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command.run([openssl, "req", "-x509", *curve, "-days", "2", *names, *files])
    return key, certificate


def _handler(mutate: Mutation) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = review["request"]
            patch = (
                _MARKED
                if asked["name"] == "probe" or asked["object"]["metadata"].get("name") == "probe"
                else mutate(asked["object"])
            )
            response = {"uid": asked["uid"], "allowed": True}
            if patch:
                text = base64.b64encode(json.dumps(patch).encode()).decode()
                response |= {"patchType": "JSONPatch", "patch": text}
            body = json.dumps(
                {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    return Handler


@contextmanager
def _served(mutate: Mutation, directory: Path) -> Iterator[tuple[str, Path]]:
    key, certificate = _certificate(directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(mutate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _configuration(name: str, namespace: str, url: str, certificate: Path) -> Object:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "meddler.example.com",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate.read_bytes()).decode()},
                "rules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                # Asked again after ours was: the last word is the webhook's.
                "reinvocationPolicy": "IfNeeded",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
            }
        ],
    }


@contextmanager
def webhook(cluster: Cluster, namespace: str, directory: Path, mutate: Mutation) -> Iterator[None]:
    """Inside the block every Deployment of the namespace is changed as `mutate` says."""
    name = f"meddler-{uuid.uuid4().hex[:8]}"
    with _served(mutate, directory) as (url, certificate):
        configuration = _configuration(name, namespace, url, certificate)
        cluster.kubectl("create", "-f", "-", input=json.dumps(configuration))
        try:
            waiting.until(lambda: in_force(cluster, namespace), "the webhook to be in force")
            yield
        finally:
            cluster.kubectl("delete", "mutatingwebhookconfiguration", name)
