#!/bin/sh
# Shared by the scripts of this pack. Values come from .env beside it; nothing here is edited.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/.env"

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null 2>&1 || fail "$1 is needed; on Debian: apt-get install $2"
}

# A number of a verification, made on the page of the integration.
checked_nonce() {
  case ${1:-} in
    irmv-*) ;;
    *) fail "Usage: $0 NUMBER [SECONDS]. The page of the integration makes the number: Verify." ;;
  esac
  case $1 in
    *[!a-z0-9-]*) fail "This is not a number of a verification." ;;
  esac
}

# Prints each step once it is reached; ends well when all are.
wait_for_steps() {
  need curl curl
  nonce=$1
  ends=$(($(date +%s) + $2))
  shown=" "
  while :; do
    steps=$(curl -fsS --max-time 10 -H 'accept: text/plain' \
      "$IRM_ORIGIN/api/ingest/$IRM_SOURCE/verifications/$nonce") || steps=
    while read -r name state after; do
      case $shown in *" $name "*) continue ;; esac
      [ "$name" != problem ] || fail "$after"
      [ "$state" = yes ] || continue
      printf '[x] %s after %s ms\n' "$name" "$after"
      shown="$shown$name "
    done <<STEPS
$steps
STEPS
    case $shown in *" scored "*) return 0 ;; esac
    if [ "$(date +%s)" -ge "$ends" ]; then
      printf '%s\n' "$steps" >&2
      fail "Not every step was reached within $2 s. TROUBLESHOOTING.md says what to look at."
    fi
    sleep 1
  done
}
