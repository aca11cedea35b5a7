"""Answers that are none, in our own words."""

from __future__ import annotations

from typing import Any

import pytest

from truststream.cluster.client import refusal
from truststream.cluster.connection import OPERATOR_USER, impersonation
from truststream.errors import ClusterError, Conflict, Forbidden, Invalid, Missing, Unavailable


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, Missing), (403, Forbidden), (401, Forbidden), (409, Conflict), (422, Invalid), (400, Invalid),
     (429, Unavailable), (500, Unavailable), (503, Unavailable)],
)  # fmt: skip
def test_by_status(status: int, expected: type[ClusterError]) -> None:
    error = refusal(status, {"message": "because", "details": {"name": "web"}})
    assert type(error) is expected
    assert error.status == status
    assert str(error) == "because"


def test_a_failed_test_of_a_json_patch_is_a_conflict() -> None:
    message = "testing value /spec/template failed: test failed"
    cause = {"reason": "UnexpectedServerResponse", "message": message}
    answer: dict[str, Any] = {
        "message": "the server rejected our request due to an error in our request",
        "details": {"causes": [cause]},
    }
    error = refusal(422, answer)
    assert isinstance(error, Conflict)
    assert message in str(error)


def test_a_patch_that_does_not_fit_is_a_conflict_also_without_a_cause() -> None:
    """Kubernetes 1.36 answers so: details without the object's name, which a rejected object has."""
    assert isinstance(refusal(422, {"message": "the server rejected our request", "details": {}}), Conflict)


def test_the_server_says_when_to_come_back() -> None:
    assert refusal(429, {}, "7").retry_after == 7


def test_a_service_account_comes_with_its_groups() -> None:
    headers = impersonation(OPERATOR_USER)
    assert headers["Impersonate-User"] == OPERATOR_USER
    assert headers["Impersonate-Group"] == [
        "system:authenticated",
        "system:serviceaccounts",
        "system:serviceaccounts:truststream-system",
    ]
    assert impersonation("") == {}
