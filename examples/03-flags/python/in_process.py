"""The shop, with flags evaluated in its own process: microseconds, and no network; the sync keeps them fresh.

FLAGD_HOST and FLAGD_PORT (8015) are the server's sync. Exposures go to OFREP_ENDPOINT: the server cannot see them.
"""

import os

from exposures import ExposureHook
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from shop import show

SELECTOR = os.environ.get("FLAG_SELECTOR", "flagSetId=shop/production")

api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.IN_PROCESS, selector=SELECTOR))
api.add_hooks([ExposureHook(os.environ["OFREP_ENDPOINT"], lambda: {"Flagd-Selector": SELECTOR})])
show(api.get_client())
api.shutdown()
