#!/bin/sh
# usage: install_packages.sh [PACKAGE…]
# Installs Debian packages that the tests use, servers and a browser, without starting a service. Where it cannot, the
# tests do without them; with CI set, that is a failure.
set -eu
[ $# -gt 0 ] || exit 0
without() {
  echo "$*" >&2
  [ -z "${CI:-}" ] || exit 1
  exit 0
}

command -v apt-get >/dev/null || without "Not installed, and there is no apt-get to install it: $*"
[ "$(id -u)" = 0 ] || without "Not installed, and only root may install it: $*"

echo "Installing $* for the tests; this is done once." >&2
# Debian asks this program whether a package may start its service: 101 is no.
policy=/usr/sbin/policy-rc.d
if [ -e $policy ]; then mv $policy $policy.openl2m-stats; fi
trap 'rm -f $policy; if [ -e $policy.openl2m-stats ]; then mv $policy.openl2m-stats $policy; fi' EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >$policy
chmod 755 $policy
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  without "apt-get could not install $*; its whole output is in $log"
fi
rm -f "$log"
