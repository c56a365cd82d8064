#!/bin/sh
# Says how to take the logging off the router again; with a router's address it does it over ssh.
#   ./rollback.sh [USER@ROUTER]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ $# -eq 0 ]; then
  echo "On the router: /import rollback.rsc   or from here: $0 admin@router"
  exit 0
fi
scp "$here/routeros/rollback.rsc" "$1:rollback.rsc"
ssh "$1" '/import rollback.rsc'
