"""python -m tests.demo [--keep] [--fast]"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.cluster import Cluster, HarnessError, attach, ensure
from tests.cluster.removal import down
from tests.product import install
from tests.product.evidence import save

from . import example
from .example import Example
from .result import Result
from .screen import Screen
from .story import Story
from .trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
NAME = "demo"
LOOK = f"Look at build/{NAME}/: operator.log, canary.yaml, events.txt."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.demo", description="A good and a bad release on a real cluster."
    )
    keep = os.environ.get("KEEP") == "1"
    parser.add_argument("--keep", action="store_true", default=keep, help="leave the cluster up (also KEEP=1)")
    parser.add_argument("--fast", action="store_true", help="fewer and shorter steps than the example has")
    return parser.parse_args()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C, through every `finally`."""
    raise KeyboardInterrupt


@contextmanager
def _cluster(keep: bool) -> Iterator[Cluster]:
    """Up, and down again whatever happens in between."""
    try:
        yield ensure("node", NAME)
    finally:
        if keep:
            _say_how_to_reach()
        else:
            _down()


def _down() -> None:
    try:
        down(NAME)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)


def _say_how_to_reach() -> None:
    try:
        attach(NAME)
    except HarnessError:
        return
    print(
        f"\nThe cluster is still up:\n"
        f"  make cluster-shell NAME={NAME}     a shell with kubectl and helm for it\n"
        f"    kubectl get canarydeployments -A -w\n"
        f"  make cluster-down NAME={NAME}      when you are done"
    )


def _run(arguments: argparse.Namespace) -> Result:
    started = time.monotonic()
    with _cluster(arguments.keep) as cluster:
        try:
            install(cluster)
            directory = example.shortened(BUILD / NAME / "example") if arguments.fast else example.SOURCE
            with Screen() as screen:
                result = Story(cluster, Example(cluster, directory), screen, started).tell()
            if result.problems():
                save(cluster, example.NAMESPACE, BUILD / NAME)
            return result
        except (Trouble, HarnessError):
            save(cluster, example.NAMESPACE, BUILD / NAME)
            raise


def main() -> int:
    """0 only when everything that is shown was true."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        result = _run(_arguments())
    except KeyboardInterrupt:
        print("\ninterrupted; what was started is taken down", file=sys.stderr)
        return 130
    except (Trouble, HarnessError) as error:
        print(f"\nThe demo failed: {error}\n{LOOK}", file=sys.stderr)
        return 1
    result.save(BUILD / "demo.json")
    print(f"\n{result.summary()}\n\nbuild/demo.json has the figures.")
    for problem in result.problems():
        print(f"\nThe demo failed: {problem}\n{LOOK}", file=sys.stderr)
    return 1 if result.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
