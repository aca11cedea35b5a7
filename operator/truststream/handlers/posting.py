"""Events to the API server."""

from __future__ import annotations

import logging
from datetime import datetime

from truststream.canary.actions import Event
from truststream.cluster import kinds, manifests
from truststream.cluster.connection import own_identity
from truststream.cluster.kinds import Manifest
from truststream.cluster.objects import Objects
from truststream.errors import ClusterError

log = logging.getLogger(__name__)


async def post(objects: Objects, event: Event, kind: str, regarding: Manifest, now: datetime) -> None:
    """What was decided is done and written down: an event that cannot be posted must not undo or repeat it."""
    made = manifests.event_manifest(event, kind, regarding, now=now, instance=own_identity())
    try:
        await objects.client.create(kinds.EVENT, made)
    except ClusterError as error:
        log.warning("event %s was not posted: %s", event.reason, error)
