#!/usr/bin/env bash
# Resolves requirements*.in into lock files with hashes and without the address of any index,
# with one version of a package for all Pythons wherever there is one.
set -euo pipefail
for name in requirements requirements-gpu requirements-dev requirements-server requirements-setup requirements-scale requirements-s3 requirements-cloud requirements-torch; do
  "$1/bin/uv" pip compile "$name.in" --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
    --no-emit-index-url --quiet --custom-compile-command "make lock" -o "$name.lock"
done
