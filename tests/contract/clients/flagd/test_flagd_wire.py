"""Our messages are flagd's: the same names, numbers and types as in the stubs that its provider carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.command import run
from tests.contract.clients.flagd.descriptors import told
from tests.contract.clients.flagd.programs import HERE, python_of
from truststream.serving.protocol import evaluation_v1_pb2, evaluation_v2_pb2, sync_pb2


@pytest.mark.parametrize("provider", ["python-0.5", "python-0.6"])
def test_messages_and_services_are_the_providers(provider: str) -> None:
    theirs: dict[str, Any] = json.loads(run([str(python_of(provider)), str(HERE / "descriptors.py")]).stdout)
    ours: dict[str, Any] = {}
    for module in (sync_pb2, evaluation_v1_pb2, evaluation_v2_pb2):
        ours |= json.loads(json.dumps(told(module.DESCRIPTOR)))
    unused = theirs.keys() - ours.keys()
    assert ours == {name: one for name, one in theirs.items() if name not in unused}
    assert unused <= {"flagd.evaluation.v2.AnyFlag"}
