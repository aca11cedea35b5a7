"""Signature Version 4, by the test suite and the examples that AWS publishes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from truststream.metrics.rest import Request
from truststream.metrics.sigv4 import Keys, Scope, signed

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SUITE = Scope("us-east-1", "service")
PLACE = "https://example.amazonaws.com/"


@pytest.mark.parametrize(
    ("request_", "headers", "signature"),
    [
        (
            Request("GET", PLACE),
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Request("POST", PLACE),
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Request("GET", f"{PLACE}?Param2=value2&Param1=value1"),
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Request("POST", PLACE, {"Content-Type": "application/x-www-form-urlencoded"}, b"Param1=value1"),
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            Request("POST", PLACE, {"My-Header1": "value1"}),
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            Request("GET", PLACE, {"My-Header1": "  value1", "My-Header2": ' "a   b   c"'}),
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ],
    ids=["vanilla", "post", "query-order", "form", "header", "trimmed"],
)
def test_the_published_suite(request_: Request, headers: str, signature: str) -> None:
    found = signed(request_, KEYS, SUITE, NOW).headers
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert found["X-Amz-Date"] == "20150830T123600Z"
    assert found["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={headers}, Signature={signature}"
    )


def test_the_example_of_the_manual() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    found = signed(Request("GET", url, {"Content-Type": form}), KEYS, Scope("us-east-1", "iam"), NOW)
    assert found.headers["Authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_a_token_is_signed_and_nothing_is_shown() -> None:
    keys = Keys("AKIDEXAMPLE", "s3cret-key", "s3cret-token")
    found = signed(Request("GET", PLACE), keys, SUITE, NOW)
    assert found.headers["X-Amz-Security-Token"] == "s3cret-token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in found.headers["Authorization"]
    assert "s3cret" not in repr(keys) + repr(found)


def test_a_moment_is_signed_in_utc() -> None:
    local = NOW.astimezone()
    assert signed(Request("GET", PLACE), KEYS, SUITE, local) == signed(Request("GET", PLACE), KEYS, SUITE, NOW)
