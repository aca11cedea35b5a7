"""Which maker is chosen, and what is refused."""

import pytest

from tests.cluster import maker, paths, record
from tests.cluster.errors import HarnessError


@pytest.mark.parametrize(
    ("asked", "docker", "expected"),
    [
        (None, True, "kind"),
        (None, False, "local"),
        ("auto", True, "kind"),
        ("kind", False, "kind"),
        ("local", True, "local"),
    ],
)
def test_a_node_is_made_by_what_the_machine_has(
    asked: str | None, docker: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "docker_answers", lambda: docker)
    if asked:
        monkeypatch.setenv("CLUSTER", asked)

    choice = maker.choose("node")

    assert choice.maker == expected
    assert choice.reason


def test_a_control_plane_never_asks_for_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "docker_answers", lambda: pytest.fail("looked for an engine"))

    assert maker.choose("control-plane").maker == "local"


def test_an_unknown_maker_is_an_error_that_lists_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")

    with pytest.raises(HarnessError, match=r"CLUSTER=minikube is unknown; known: auto, kind, local"):
        maker.choose("node")


@pytest.mark.parametrize(("size", "extra"), [("huge", ()), ("control-plane", ("istio",))])
def test_unknown_sizes_and_extras_are_errors_that_list_the_known_ones(size: str, extra: tuple[str, ...]) -> None:
    with pytest.raises(HarnessError, match="known: "):
        record.validated_extras(size, extra)


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a-", "a/b", "../x", "a b", "x" * 41])
def test_a_name_that_could_leave_its_directory_is_refused(name: str) -> None:
    with pytest.raises(HarnessError, match="cannot name a cluster"):
        paths.cluster_directory(name)


def test_clusters_of_one_name_in_two_caches_do_not_share_system_names(monkeypatch: pytest.MonkeyPatch) -> None:
    first = paths.system_id("x")
    monkeypatch.setenv("TRUSTSTREAM_CACHE", "/elsewhere")

    assert paths.system_id("x") != first
