#!/usr/bin/env bash
# Downloads what the image needs into operator/wheels, so that the build itself needs no network and its base no pip.
# operator/wheels.sh [PYTHON [VERSION]]: who downloads, and for which Python of the base (by default its own).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
wheels=operator/wheels

# One build at a time: two of them share the directory.
exec 9>"$wheels/.lock"
flock 9

version=${2:-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')}
stamp="$version $(sha256sum requirements.lock | cut -c1-64)"
if [ "$(cat $wheels/.stamp 2>/dev/null || true)" != "$stamp" ]; then
    rm -f $wheels/*.whl $wheels/python-version $wheels/.stamp
    download=("$python" -m pip download --quiet --only-binary :all: --python-version "$version" -d $wheels)
    "${download[@]}" --require-hashes -r requirements.lock
    "${download[@]}" --no-deps "pip>=25"
    echo "$stamp" >$wheels/.stamp
fi
rm -f $wheels/truststream-*.whl
"$python" -m pip wheel --quiet --no-deps . -w $wheels
echo "$version" >$wheels/python-version
