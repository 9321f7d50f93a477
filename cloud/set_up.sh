#!/usr/bin/env bash
# Prepares a rented machine: RUN=runs/NAME set_up.sh BUCKET, the folder where the bucket is mounted.
# The environment in .venv; data/store and each run lie in the bucket under the names they have at home.
set -euo pipefail
bucket=$1
if [[ ! $RUN =~ ^runs/[^/]+$ ]]; then
  echo "RUN=$RUN is kept in the bucket and must be runs/NAME, e.g. RUN=runs/cbis." >&2
  exit 2
fi
mkdir -p "$bucket/$RUN" "$bucket/store" runs data
ln -sfn "$bucket/store" data/store
# Not the whole of runs: runs/mlflow is a database, which fails on a bucket.
for run in "$bucket"/runs/*/; do
  [ "$run" = "$bucket/runs/mlflow/" ] || ln -sfn "$run" runs/
done
# Images of the clouds may bring an older Python; SkyPilot brings uv, which fetches one.
if ! python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
  export PATH="$HOME/.local/bin:$PATH"
  uv python install 3.12
  PATH="$(dirname "$(uv python find 3.12)"):$PATH"
fi
make setup
