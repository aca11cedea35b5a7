"""The shop, with flags over OFREP: every evaluation is a request, and the server records exposures by itself.

OFREP_ENDPOINT is the server; FLAG_SELECTOR whose flags, and where; TOKEN_FILE a token, where one is needed.
"""

import os
from pathlib import Path

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from shop import show


def headers() -> dict[str, str]:
    """Asked for with every request: the kubelet renews the token."""
    found = {"Flagd-Selector": os.environ.get("FLAG_SELECTOR", "flagSetId=shop/production")}
    if file := os.environ.get("TOKEN_FILE"):
        found["Authorization"] = f"Bearer {Path(file).read_text().strip()}"
    return found


api.set_provider_and_wait(OFREPProvider(os.environ["OFREP_ENDPOINT"], headers_factory=headers))
show(api.get_client())
api.shutdown()
