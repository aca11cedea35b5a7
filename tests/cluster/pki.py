"""Certificates and keys of one cluster, made by openssl: short-lived, never leaving the cluster's directory."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from .command import run
from .errors import HarnessError

_DAYS = "30"
_CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*argv: str) -> None:
    found = shutil.which("openssl")
    if found is None:
        raise HarnessError("openssl is missing: install it with the machine's package manager.")
    run([found, *argv])


def _authority(directory: Path, name: str) -> None:
    files = ["-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.crt")]
    constraints = ["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    _openssl("req", "-x509", *_CURVE, "-days", _DAYS, "-subj", f"/CN=truststream-{name}", *constraints, *files)


def _signed(directory: Path, name: str, authority: str, subject: str, extensions: Sequence[str]) -> None:
    request, extension_file = directory / f"{name}.csr", directory / f"{name}.ext"
    extension_file.write_text("\n".join(extensions) + "\n")
    _openssl("req", "-new", *_CURVE, "-subj", subject, "-keyout", str(directory / f"{name}.key"), "-out", str(request))
    signer = ["-CA", str(directory / f"{authority}.crt"), "-CAkey", str(directory / f"{authority}.key")]
    output = ["-days", _DAYS, "-extfile", str(extension_file), "-out", str(directory / f"{name}.crt")]
    _openssl("x509", "-req", "-in", str(request), *signer, "-CAcreateserial", *output)


def _serving(directory: Path, name: str, names: Sequence[str], addresses: Sequence[str]) -> None:
    alternatives = [f"DNS:{one}" for one in names] + [f"IP:{one}" for one in addresses]
    extensions = ["extendedKeyUsage=serverAuth", f"subjectAltName={','.join(alternatives)}"]
    _signed(directory, name, "ca", f"/CN={name}", extensions)


def create(directory: Path, addresses: Sequence[str]) -> None:
    """The cluster's CA, the API server's and kubelet's certificates, the aggregator's own CA, the token key."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    _authority(directory, "ca")
    _authority(directory, "front-proxy-ca")
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    _serving(directory, "apiserver", ["localhost", *service], addresses)
    _serving(directory, "kubelet", ["localhost"], addresses)
    client = ["extendedKeyUsage=clientAuth"]
    _signed(directory, "front-proxy-client", "front-proxy-ca", "/CN=front-proxy-client", client)
    _signed(directory, "apiserver-kubelet", "ca", "/O=system:masters/CN=apiserver-kubelet", client)
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(directory / "token.key"))
