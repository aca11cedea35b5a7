"""Up and attach: the same for every maker."""

from collections.abc import Callable

from . import fake_nodes, kind, maker, node, paths, record, removal, waiting
from .errors import HarnessError
from .facade import Cluster
from .processes import Processes
from .progress import say, step
from .record import READY, Record

DEFAULT_NAME = "truststream"


def up(size: str, name: str = DEFAULT_NAME, extras: tuple[str, ...] = ()) -> Cluster:
    """The running cluster of that name when it is healthy and fits, else a new one."""
    wanted = record.validated_extras(size, extras)
    with record.locked(name):
        found = _fitting(name, size, wanted)
        if found:
            return found
        choice = maker.choose(size)
        say(f"cluster {name} ({size}): maker {choice.maker}, because {choice.reason}")
        with step(f"cluster {name}"):
            return _make(Record(name=name, size=size, maker=choice.maker, extras=wanted))


def _fitting(name: str, size: str, extras: tuple[str, ...]) -> Cluster | None:
    """Anything else that stands in the way is a crashed cluster, and is cleaned away."""
    existing = record.load(name)
    if existing is None:
        if paths.cluster_directory(name).exists():
            removal.remove(Record(name=name, size=size, maker="local"))
        return None
    cluster = Cluster(existing)
    if not _answers(cluster):
        say(f"cluster {name} is left over from an unfinished or crashed run: cleaning it")
        removal.remove(existing)
        return None
    if existing.size != size or not set(extras) <= set(existing.extras):
        have = f"{existing.size} with {', '.join(existing.extras) or 'no extras'}"
        raise HarnessError(
            f"Cluster {name} is running as {have}; take another --name, or end it: "
            f"python -m tests.cluster down --name {name}"
        )
    return cluster


def _make(new: Record) -> Cluster:
    if (new.maker, new.size) == ("local", "node"):
        node.require_possible()
    new.save()
    _MAKERS[new.maker, new.size](new)
    new.state = READY
    new.save()
    return Cluster(new)


_MAKERS: dict[tuple[str, str], Callable[[Record], None]] = {
    ("local", "control-plane"): fake_nodes.up,
    ("local", "node"): node.up,
    ("kind", "node"): kind.up,
}


def _answers(cluster: Cluster) -> bool:
    """Patient with a busy machine: only a cluster with a dead process is given up at once."""
    processes = Processes(cluster.directory)
    if cluster.record.state != READY:
        return False
    try:
        waiting.until(cluster.is_healthy, "the cluster to answer", limit=60, pause=1, guard=processes.require_alive)
    except HarnessError:
        return False
    return True


def attach(name: str = DEFAULT_NAME) -> Cluster:
    """The running cluster of that name, or an error that says how to start it."""
    cluster = Cluster(record.require(name))
    if not _answers(cluster):
        raise HarnessError(
            f"Cluster {name} does not answer; start it anew: python -m tests.cluster up "
            f"--size {cluster.size} --name {name}"
        )
    return cluster


def ensure(size: str, name: str = DEFAULT_NAME, extras: tuple[str, ...] = ()) -> Cluster:
    """up, or attach when it is running and healthy."""
    return up(size, name, extras)
