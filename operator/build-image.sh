#!/usr/bin/env bash
# Builds the operator's image with Docker or buildah: operator/build-image.sh registry.example/truststream:1.0
# BASE chooses another base image. WHEELS=1 downloads first and builds without a network.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${1:?usage: operator/build-image.sh IMAGE}
arguments=(--build-arg "BASE=${BASE:-python:3.13-slim}" -f operator/Dockerfile -t "$image")

if [ "${WHEELS:-}" = 1 ]; then
    bash operator/wheels.sh
fi
if docker info >/dev/null 2>&1; then
    echo "building $image with Docker"
    docker build "${arguments[@]}" .
elif command -v buildah >/dev/null; then
    echo "building $image with buildah"
    buildah bud --layers=false --ignorefile operator/Dockerfile.dockerignore "${arguments[@]}" .
else
    echo "Neither a running Docker nor buildah is here: install one of them to build images." >&2
    exit 1
fi
