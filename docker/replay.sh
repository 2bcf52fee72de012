#!/usr/bin/env bash
# Replays docker/Dockerfile without a Docker engine: the stages build and runtime, instruction by instruction as the
# file has them, in two clean directories; then starts each target's command with no configuration and expects it to
# refuse by itself rather than for a module that the image lacks. Not replayed: the base image and what is
# removed from it, USER, HEALTHCHECK.
#   SMOKE_TIMEOUT_SECONDS (20)  how long a command may take to refuse
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
smoke_timeout_seconds=${SMOKE_TIMEOUT_SECONDS:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/build" "$work/runtime"

# One instruction a line: comments dropped, continued lines joined.
instructions() { sed -e '/^[[:space:]]*#/d' -e ':more' -e '/\\$/{N;s/\\\n[[:space:]]*//;b more' -e '}' "$root/docker/Dockerfile"; }

# The build context as Docker would send it: the files git knows or would add, without those .dockerignore names.
copy_context() {
  sed -e 's#^\*\*/##' "$root/.dockerignore" >"$work/ignored"
  (cd "$root" && git ls-files -z --cached --others --exclude-standard) |
    (cd "$root" && xargs -0 ls -d 2>/dev/null || true) |
    tar -C "$root" -c -X "$work/ignored" -T - | tar -C "$1" -x
}

refuse() { echo "docker/replay.sh does not know how to replay: $1" >&2; exit 1; }

# Each command's variables last until its stage ends, as ENV does.
replay_stage() { # name
  local stage="" environment=() keyword rest line
  while IFS= read -r line; do
    read -r keyword rest <<<"$line"
    if [[ $keyword == FROM ]]; then
      stage=${rest##* }
      continue
    fi
    [[ $stage == "$1" ]] || continue
    case $keyword in
      "" | USER | WORKDIR) ;;
      ENV) read -ra environment <<<"${environment[*]} $rest" ;;
      COPY) replay_copy "$work/$1" "$rest" ;;
      RUN)
        [[ $rest =~ ^(--mount=[^ ]+ )*(.*)$ ]]
        if [[ ${BASH_REMATCH[2]} == "rm -rf /"* ]]; then
          # What it removes is the base image's; here it would be this machine's.
          echo "replay: left out: ${BASH_REMATCH[2]}"
          continue
        fi
        echo "replay: ${BASH_REMATCH[2]}"
        (cd "$work/$1" && env "${environment[@]}" sh -c "${BASH_REMATCH[2]}" </dev/null)
        ;;
      *) refuse "$line" ;;
    esac
  done < <(instructions)
}

replay_copy() { # directory, operands
  local from to
  if [[ $2 == ". ." ]]; then
    copy_context "$1"
  elif [[ $2 == "--from=build /app/"* ]]; then
    read -r from to <<<"${2#--from=build /app/}"
    cp -a "$work/build/$from" "$1/$to"
  else
    refuse "COPY $2"
  fi
}

smoke() { # command of one target, as JSON
  local output status=0
  local words
  mapfile -t words < <(node -e 'for (const word of JSON.parse(process.argv[1])) console.log(word)' "$1")
  output=$(cd "$work/runtime" && env -i PATH="$PATH" NODE_ENV=production \
    timeout "$smoke_timeout_seconds" "${words[@]}" 2>&1 </dev/null) || status=$?
  if [[ $status == 0 || $status == 124 || $output == *"Cannot find"* || $output == *ERR_MODULE* || $output == *"    at "* ]]; then
    printf '%s: expected one clear refusal, exit status %s:\n%s\n' "${words[*]}" "$status" "$output" >&2
    return 1
  fi
  echo "replay: ${words[*]} loads and refuses to start without configuration: $output"
}

replay_stage build
replay_stage runtime
echo "replay: production tree of $(du -sm "$work/runtime" | cut -f1) MB"
failed=0
while IFS= read -r command; do smoke "$command" || failed=1; done < <(instructions | sed -n 's/^CMD //p')
exit "$failed"
