"""The command line of the harness: python -m tests.cluster --help."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from . import build, lifecycle, loading, maker, parts, pypi, record, removal
from .errors import HarnessError
from .facade import Cluster
from .lifecycle import DEFAULT_NAME
from .progress import say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A Kubernetes cluster for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, description in _DESCRIPTIONS.items():
        verb = verbs.add_parser(name, help=description, description=description)
        if name != "build":
            verb.add_argument("--name", default=DEFAULT_NAME, help="which cluster (default: %(default)s)")
        if name in ("up", "build"):
            verb.add_argument("--size", choices=record.SIZES, default="control-plane")
            verb.add_argument("--with", dest="extras", default="", help=f"of {','.join(record.EXTRAS)}")
        if name == "down":
            verb.add_argument("--all", action="store_true", help="every cluster of this cache directory")
        if name == "load-operator-image":
            verb.add_argument("--tag", default="truststream:dev")
        if name == "exec":
            verb.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ARGS")
    return parser


_DESCRIPTIONS = {
    "up": "start a cluster, or attach to the healthy one of that name",
    "down": "end a cluster and leave nothing behind",
    "shell": "a shell that reaches the cluster",
    "exec": "one command that reaches the cluster; its exit code is passed on",
    "status": "describe a cluster in JSON",
    "build": "only build what a size needs",
    "load-operator-image": "build the operator's image and load it into the cluster",
}


def _extras(arguments: argparse.Namespace) -> tuple[str, ...]:
    return tuple(part for part in arguments.extras.split(",") if part)


def _up(arguments: argparse.Namespace) -> int:
    cluster = lifecycle.up(arguments.size, arguments.name, _extras(arguments))
    print(json.dumps(cluster.status(), indent=2))
    return 0


def _down(arguments: argparse.Namespace) -> int:
    for name in record.names() if arguments.all else [arguments.name]:
        removal.down(name)
    return 0


def _replace(arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    """Becomes the command: its signals, its terminal and its exit code are then its own."""
    cluster = lifecycle.attach(arguments.name)
    whole = [*cluster.prefix(), *argv]
    os.execvpe(whole[0], whole, {**os.environ, **cluster.environment()})


def _shell(arguments: argparse.Namespace) -> int:
    return _replace(arguments, [os.environ.get("SHELL", "/bin/sh")])


def _exec(arguments: argparse.Namespace) -> int:
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise HarnessError("exec needs a command: python -m tests.cluster exec -- kubectl get nodes")
    return _replace(arguments, argv)


def _status(arguments: argparse.Namespace) -> int:
    print(json.dumps(Cluster(record.require(arguments.name)).status(), indent=2))
    return 0


def _build(arguments: argparse.Namespace) -> int:
    extras = record.validated_extras(arguments.size, _extras(arguments))
    choice = maker.choose(arguments.size)
    say(f"building for {arguments.size}: maker {choice.maker}, because {choice.reason}")
    build.ensure(parts.names_for(choice.maker, arguments.size, extras))
    if arguments.size == "node":
        pypi.envoy()
    return 0


def _load_operator_image(arguments: argparse.Namespace) -> int:
    loading.load_operator(lifecycle.attach(arguments.name), arguments.tag)
    return 0


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": _up,
    "down": _down,
    "shell": _shell,
    "exec": _exec,
    "status": _status,
    "build": _build,
    "load-operator-image": _load_operator_image,
}


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return _VERBS[arguments.verb](arguments)
    except HarnessError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
