"""A certificate for localhost, made by openssl as the clusters' are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def certificate(folder: Path, name: str) -> None:
    """certificate.pem and key.pem, self-signed, for localhost."""
    program = shutil.which("openssl")
    assert program is not None
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([program, "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
