#!/usr/bin/env bash
# Builds the environment: set_up.sh VENV LOCK. Ends with VENV/installed, which names the lock.
set -euo pipefail
venv=$1 lock=$2
say() { printf '%s\n' "$*" >&2; }

if [ "$(uname -s)" != Linux ]; then
  say "Linux is needed, and this is $(uname -s). Use a Linux machine or container; on Windows, WSL (wsl --install)."
  exit 2
fi

for python in python3 python3.13 python3.12 python3.11; do
  if command -v "$python" >/dev/null &&
     "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    found=$python; break
  fi
done
if [ -z "${found:-}" ]; then
  say "Python 3.11, 3.12 or 3.13 is needed and none was found. On Debian: apt install python3 python3-venv"
  exit 2
fi
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
  say "This Python cannot make environments. On Debian: apt install python3-venv"
  exit 2
fi
case $lock in *gpu*) need=12 ;; *) need=5 ;; esac
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if [ "$free" -lt "$need" ]; then
  say "The environment takes about $need GB here and $free GB are free. Make room, then try again."
  exit 2
fi

say "Setting up $venv with $("$found" --version) from $lock: a download of about 1 GB (GPU: 4 GB), 1 to 5 minutes."
# Another lock means another TensorFlow, and two of them do not live side by side.
if [ "$(cat "$venv/installed" 2>/dev/null)" != "$lock" ]; then rm -rf "$venv"; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "$found" -m venv "$venv" &&
       "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
         -r "$(dirname "$lock")/requirements-setup.lock" &&
       "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"; } >"$log" 2>&1; then
  cat "$log" >&2
  say "The packages could not be installed. Check the network (and a proxy, if there is one), then run the same command again."
  exit 2
fi
printf '%s\n' "$lock" >"$venv/installed"
say "$venv is ready."
