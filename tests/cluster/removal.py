"""The end of a cluster, whole, half-made or crashed: each step may find nothing left to do."""

import contextlib
import os
import shutil

from . import cgroups, kind_plan, leftovers, network, paths, record
from .errors import HarnessError
from .processes import Processes
from .progress import say
from .record import Record


def down(name: str) -> None:
    """Removes a cluster; a name without one is an error that lists the known ones."""
    with record.locked(name):
        existing = record.load(name)
        if existing is None and paths.cluster_directory(name).exists():
            existing = Record(name=name, size="control-plane", maker="local")
        remove(existing or record.require(name))
    paths.cluster_directory(name).with_suffix(".lock").unlink(missing_ok=True)


def remove(existing: Record) -> None:
    """For callers that hold the cluster's lock."""
    if existing.maker == "kind":
        kind_plan.execute(kind_plan.delete(existing))
    else:
        _end_processes(existing)
    shutil.rmtree(existing.directory)
    say(f"cluster {existing.name} is gone")


def _end_processes(existing: Record) -> None:
    if existing.size == "node" and os.geteuid() != 0:
        raise HarnessError(f"Cluster {existing.name} was started by root; only root can end it.")
    Processes(existing.directory).stop()
    if existing.size == "node":
        _clean_node(existing)


def _clean_node(existing: Record) -> None:
    """What outlives the processes: containers, mounts, groups, the namespace."""
    identifier = paths.system_id(existing.name)
    run_directory = paths.run_directory(existing.name)
    cgroups.delete(identifier)
    leftovers.remove_shim_sockets(run_directory)
    leftovers.unmount([existing.directory, run_directory])
    network.delete(identifier)
    leftovers.remove_log_links(existing.directory)
    leftovers.remove_fixed_paths(identifier, alone=not record.other_nodes(existing.name))
    if run_directory.exists():
        shutil.rmtree(run_directory)
    with contextlib.suppress(OSError):
        paths.RUN_DIRECTORY.rmdir()
