#!/usr/bin/env bash
# Checks the files of this folder without a Docker engine: the compose file is read by docker-compose itself, and the
# Dockerfile's steps are replayed in a clean directory. The base images and the containers are not run.
set -euo pipefail
cd "$(dirname "$0")"

secrets=(POSTGRES_PASSWORD=check OPS_PASSWORD=check HOMING_API_KEY=hom_check HOMING_ENCRYPTION_KEYS=k1:check)
env "${secrets[@]}" docker-compose -f compose.yaml config -q
echo "docker/compose.yaml: valid"

for secret in "${secrets[@]%%=*}"; do
  if env "${secrets[@]}" env -u "$secret" docker-compose -f compose.yaml config -q 2>/dev/null; then
    echo "docker/compose.yaml: starts without $secret" >&2
    exit 1
  fi
done
echo "docker/compose.yaml: refuses to start without ${secrets[*]%%=*}"

./replay.sh
