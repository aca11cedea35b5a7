"""Up, down and attach: the same for every maker."""

from . import kind, local, maker, paths, record
from .errors import HarnessError
from .facade import Cluster
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
            _remove(Record(name=name, size=size, maker="local"))
        return None
    cluster = Cluster(existing)
    if not cluster.is_healthy():
        say(f"cluster {name} is left over from an unfinished or crashed run: cleaning it")
        _remove(existing)
        return None
    if existing.size != size or not set(extras) <= set(existing.extras):
        have = f"{existing.size} with {', '.join(existing.extras) or 'no extras'}"
        raise HarnessError(f"Cluster {name} is running as {have}; take another --name, or end it: "
                           f"python -m tests.cluster down --name {name}")
    return cluster


def _make(new: Record) -> Cluster:
    new.save()
    (kind if new.maker == "kind" else local).up(new)
    new.state = READY
    new.save()
    return Cluster(new)


def _remove(existing: Record) -> None:
    (kind if existing.maker == "kind" else local).down(existing)


def down(name: str) -> None:
    """Removes a cluster, whole or half-made; a name without one is an error that lists the known ones."""
    with record.locked(name):
        existing = record.load(name)
        if existing is None and paths.cluster_directory(name).exists():
            existing = Record(name=name, size="control-plane", maker="local")
        _remove(existing or record.require(name))
    paths.cluster_directory(name).with_suffix(".lock").unlink(missing_ok=True)


def attach(name: str = DEFAULT_NAME) -> Cluster:
    """The running cluster of that name, or an error that says how to start it."""
    cluster = Cluster(record.require(name))
    if not cluster.is_healthy():
        raise HarnessError(f"Cluster {name} does not answer; start it anew: python -m tests.cluster up "
                           f"--size {cluster.size} --name {name}")
    return cluster


def ensure(size: str, name: str = DEFAULT_NAME, extras: tuple[str, ...] = ()) -> Cluster:
    """up, or attach when it is running and healthy."""
    return up(size, name, extras)
