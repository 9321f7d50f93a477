#!/usr/bin/env bash
# Builds the environment on a rented machine, in .venv, with what reads object stores. Images of the
# clouds may bring an older Python; SkyPilot brings uv, which fetches one.
set -euo pipefail
if ! python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
  export PATH="$HOME/.local/bin:$PATH"
  uv python install 3.12
  PATH="$(dirname "$(uv python find 3.12)"):$PATH"
fi
make setup setup-scale
