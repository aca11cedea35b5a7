#!/bin/sh
# The chart's copies of the CRDs. crds/ at the top of the repository is the source: Helm can only read
# files inside the chart. With --check nothing is written, and a difference is an error.
set -eu
chart=$(cd "$(dirname "$0")" && pwd)
source="$chart/../../crds"
copies="$chart/files/crds"

if [ "${1:-}" = "--check" ]; then
    diff -r -u --exclude=.gitkeep "$source" "$copies" && exit 0
    echo "charts/truststream/files/crds differs from crds/: run charts/truststream/sync-crds.sh" >&2
    exit 1
fi
mkdir -p "$copies"
rm -f "$copies"/*.yaml
for file in "$source"/*.yaml; do
    [ -e "$file" ] || continue
    cp "$file" "$copies/"
done
