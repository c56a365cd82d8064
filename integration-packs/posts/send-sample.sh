#!/bin/sh
# Posts one event to the address in .env, signed or with the key, as the integration wants it.
# The key or signing secret is read from API_KEY; it appears in no file and no command line.
#   API_KEY=… ./send-sample.sh [NUMBER]
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

need curl curl
need python3 python3
[ -n "${API_KEY:-}" ] || fail "Set API_KEY to the key or signing secret of this integration."
export API_KEY
nonce=${1:-sample-$(date +%s)}
case $nonce in *[!a-z0-9-]*) fail "This is not a number of a verification." ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -e "s/@NONCE@/$nonce/g" -e "s/@TIME@/$(date -u +%Y-%m-%dT%H:%M:%SZ)/g" \
  "$here/sample.json" >"$work/body"
status=$(python3 "$here/sign.py" "$IRM_SIGNATURE" "$work/body" \
  | curl -sS --max-time 30 --config - --output "$work/answer" --write-out '%{http_code}' \
    -H 'content-type: application/json' --data-binary "@$work/body" "$IRM_ENDPOINT")
case $status in
  2*) printf 'Posted: %s\n' "$status" ;;
  *)
    cat "$work/answer" >&2
    fail "
The answer was $status. TROUBLESHOOTING.md says what it means."
    ;;
esac
