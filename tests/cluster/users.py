"""Who may talk to the API server: a token a user, and the kubeconfigs made from them."""

import base64
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

NODE_NAME = "truststream-node"

# user name in the kubeconfig -> (Kubernetes user, groups)
PEOPLE: dict[str, tuple[str, str]] = {
    "admin": ("admin", "system:masters"),
    "developer": ("developer", "developers"),
    "sre": ("sre", "sres"),
}
COMPONENTS: dict[str, tuple[str, str]] = {
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kwok": ("kwok", "system:masters"),
    "contour": ("contour", "system:masters"),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
}


def write_tokens(file: Path) -> dict[str, str]:
    """The API server's token file; returns name -> token."""
    tokens = {name: secrets.token_hex(16) for name in (*PEOPLE, *COMPONENTS)}
    lines = []
    for name, (user, groups) in {**PEOPLE, **COMPONENTS}.items():
        lines.append(f'{tokens[name]},"{user}","{user}","{groups}"')
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")
    return tokens


def kubeconfig(server: str, authority: Path, tokens: dict[str, str], names: Sequence[str]) -> str:
    """One context a name, the first one current. JSON is YAML, and needs no quoting rules."""
    ca = base64.b64encode(authority.read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": names[0],
        "clusters": [{"name": "truststream", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": name, "user": {"token": tokens[name]}} for name in names],
        "contexts": [{"name": name, "context": {"cluster": "truststream", "user": name}} for name in names],
    }
    return json.dumps(document, indent=2)


def write_kubeconfigs(directory: Path, server: str, authority: Path, tokens: dict[str, str]) -> None:
    """`kubeconfig` for people, `config/NAME.kubeconfig` for each component."""
    (directory / "config").mkdir(parents=True, exist_ok=True)
    _write(directory / "kubeconfig", kubeconfig(server, authority, tokens, list(PEOPLE)))
    for name in COMPONENTS:
        _write(directory / "config" / f"{name}.kubeconfig", kubeconfig(server, authority, tokens, [name]))


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
