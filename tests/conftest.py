"""For every suite: what hypothesis draws is the same in every run, and no test is timed, hypothesis' own included.

`pytest --hypothesis-profile explore` draws anew; what it finds becomes a test, not a red CI of somebody else's change.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")
