#!/usr/bin/env bash
# Puts Asterisk from Debian's testing suite into a folder of its own, as a peer for the benchmarks.
# Needs root and debootstrap. Usage: bench/peer/asterisk.sh FOLDER ; then  chroot FOLDER asterisk -f -C /etc/asterisk/asterisk.conf
set -euo pipefail
root=${1:?"usage: $0 FOLDER"}
[ "$(id -u)" = 0 ] || { echo "asterisk.sh: needs root (debootstrap makes a system of its own in $root)" >&2; exit 1; }
command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null
if [ ! -x "$root/usr/sbin/asterisk" ]; then
  # The mirror that this machine is set up with serves the testing suite too.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
  debootstrap --variant=minbase --no-check-gpg testing "$root" "$mirror"
  chroot "$root" apt-get install -y -qq --no-install-recommends asterisk
fi
chroot "$root" asterisk -V
