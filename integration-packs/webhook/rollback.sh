#!/bin/sh
# Nothing was installed on this machine: what ends the sending is done elsewhere.
set -eu
cat <<'TEXT'
1. Remove the address from the sender.
2. Pause or delete the integration on its page; its key or signing secret ends with it.
3. Delete this folder.
TEXT
