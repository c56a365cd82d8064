#!/bin/sh
# Takes the forwarding off this host again. Shows what it would do; with --yes it does it.
set -eu
run() {
  printf '+ %s\n' "$*"
  [ "$yes" = no ] || "$@"
}
yes=no
[ "${1:-}" != --yes ] || yes=yes

for file in /etc/rsyslog.d/60-insider-risk.conf /etc/syslog-ng/conf.d/insider-risk.conf \
  /etc/syslog-ng/conf.d/00-insider-risk-values.conf; do
  [ ! -e "$file" ] || run rm -f "$file"
done
for unit in rsyslog syslog-ng; do
  if command -v systemctl >/dev/null 2>&1 && systemctl --quiet is-active "$unit"; then
    run systemctl restart "$unit"
  fi
done
if [ -e /etc/systemd/system/insider-risk-collector.service ]; then
  run systemctl disable --now insider-risk-collector
  run rm -f /etc/systemd/system/insider-risk-collector.service
fi
[ "$yes" = yes ] || echo "Nothing was changed. Run it with --yes to do this."
