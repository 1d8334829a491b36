#!/bin/sh
# Sees to it that the tests find MariaDB and PostgreSQL. On Debian, as root, it installs what is missing
# without starting a service; elsewhere it says what to install.
set -eu
PATH=$PATH:/usr/sbin:/sbin
packages=
command -v mariadbd >/dev/null || packages="$packages mariadb-server"
command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "The integration tests need these database servers, which are missing:$packages. Install them (MariaDB's mariadbd, PostgreSQL's initdb and postgres); the tests start private ones themselves." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "The integration tests need these packages, which are missing:$packages. Install them: sudo apt-get install$packages" >&2
  exit 1
fi

echo "Installing$packages for the tests; this is done once." >&2
# Debian asks this program whether a package may start its service: 101 is no.
policy=/usr/sbin/policy-rc.d
if [ -e $policy ]; then mv $policy $policy.openl2m-stats; fi
trap 'rm -f $policy; if [ -e $policy.openl2m-stats ]; then mv $policy.openl2m-stats $policy; fi' EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >$policy
chmod 755 $policy
log=$(mktemp)
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install$packages; its whole output is in $log" >&2
  exit 1
fi
rm -f "$log"
