#!/bin/sh
# Sends one event with the number the page of the integration shows, then prints each step it
# reaches: sent, received, parsed, stored, scored.
#   ./verify.sh irmv-… [SECONDS]
set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "$0")/lib.sh"

checked_nonce "${1:-}"
"$here/send-sample.sh" "$1"
default=60
[ "$IRM_MODE" != pull ] || default=1800
wait_for_steps "$1" "${2:-$default}"
