"""A running cluster, as tests see it."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import command, parts, paths, removal
from .errors import HarnessError
from .record import READY, Record


@dataclass(frozen=True)
class Addresses:
    """Where traffic enters, as base URLs; None where the cluster has no such part."""

    gateway: str | None
    prometheus: str | None


@dataclass(frozen=True)
class Cluster:
    """One cluster that is up. Any command that must reach it needs both `prefix` and `environment`."""

    record: Record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def size(self) -> str:
        return self.record.size

    @property
    def maker(self) -> str:
        return self.record.maker

    @property
    def directory(self) -> Path:
        return self.record.directory

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def server(self) -> str:
        return self.record.server

    @property
    def audit_log(self) -> Path | None:
        return self.directory / "audit.log" if self.maker == "local" else None

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.record.gateway, self.record.prometheus)

    def environment(self) -> dict[str, str]:
        """Added to a process's own environment: our kubectl and helm come first."""
        search = f"{self.directory / 'tools'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": search, "TRUSTSTREAM_CLUSTER": self.name}

    def prefix(self) -> list[str]:
        """The words before a command that must reach the cluster."""
        if self.maker == "local" and self.size == "node":
            return ["nsenter", f"--net=/run/netns/{paths.system_id(self.name)}"]
        return []

    def run(
        self, *argv: str, stdin: str | None = None, check: bool = True, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One command in the cluster's environment, its output captured."""
        whole = [*self.prefix(), *argv]
        return command.run(whole, stdin=stdin, environment=self.environment(), check=check, timeout=timeout)

    def _tool(self, name: str) -> str:
        return str(self.directory / "tools" / name)

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - the word that subprocess.run uses
        check: bool = True,
        user: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """`user` is a context of the kubeconfig: admin (when not given), developer or sre."""
        context = ["--context", user] if user else []
        return self.run(self._tool("kubectl"), *context, *args, stdin=input, check=check)

    def helm(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - as above
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        return self.run(self._tool("helm"), *args, stdin=input, check=check)

    def is_healthy(self) -> bool:
        if self.record.state != READY or not self.kubeconfig.exists():
            return False
        return self.kubectl("get", "--raw", "/readyz", "--request-timeout=5s", check=False).returncode == 0

    def link_tools(self, binaries: dict[str, Path]) -> None:
        tools = self.directory / "tools"
        tools.mkdir(parents=True, exist_ok=True)
        for name in parts.TOOLS:
            link = tools / name
            link.unlink(missing_ok=True)
            link.symlink_to(binaries[name])

    def status(self) -> dict[str, object]:
        """What `python -m tests.cluster status` prints."""
        return {
            "name": self.name,
            "size": self.size,
            "maker": self.maker,
            "extras": list(self.record.extras),
            "healthy": self.is_healthy(),
            "server": self.server,
            "kubeconfig": str(self.kubeconfig),
            "directory": str(self.directory),
            "auditLog": str(self.audit_log) if self.audit_log else None,
            "prefix": self.prefix(),
            "addresses": {"gateway": self.addresses.gateway, "prometheus": self.addresses.prometheus},
        }

    def down(self) -> None:
        removal.down(self.name)

    def get(self, *args: str) -> dict[str, object]:
        """`kubectl get … -o json`, parsed."""
        answer = json.loads(self.kubectl("get", *args, "-o", "json").stdout)
        if not isinstance(answer, dict):
            raise HarnessError(f"kubectl get {' '.join(args)} answered with {type(answer).__name__}, not an object.")
        return answer
