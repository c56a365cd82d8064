#!/bin/sh
# Sends one line over syslog to the address in .env.
#   ./send-sample.sh [NUMBER]
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

nonce=${1:-sample}
case $nonce in *[!a-z0-9-]*) fail "This is not a number of a verification." ;; esac
case $IRM_PROVIDER in
  mikrotik) line="script,info insider-risk-verify $nonce" ;;
  *) line="<13>1 $(date -u +%Y-%m-%dT%H:%M:%SZ) $(uname -n) insider-risk-verify - - - verification $nonce" ;;
esac
if command -v python3 >/dev/null 2>&1; then
  printf '%s\n' "$line" | python3 "$here/send.py" "$IRM_PROTOCOL" "$IRM_HOST" "$IRM_PORT"
elif [ "$IRM_PROTOCOL" = tls ]; then
  need python3 python3
else
  need nc netcat-openbsd
  udp=
  [ "$IRM_PROTOCOL" != udp ] || udp=-u
  # shellcheck disable=SC2086 # nothing, or one option
  printf '%s\n' "$line" | nc $udp -w 2 "$IRM_HOST" "$IRM_PORT"
fi
printf 'Sent over %s to %s port %s.\n' "$IRM_PROTOCOL" "$IRM_HOST" "$IRM_PORT"
