#!/bin/sh
# The real servers that the tests talk to: installed from Debian as root, named exactly otherwise.
set -eu
missing=""
need() {  # need COMMAND PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need snmpd snmpd
need snmpget snmp
need sshd openssh-server
need ssh-keygen openssh-client
need nginx nginx-light
need influxd influxdb
need baresip baresip-core
need sipp sip-tester
need chromium chromium
need ip iproute2
need unshare util-linux
need openssl openssl
need useradd passwd
need slapd slapd
# What drives the browser is linked with it.
PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q 'libatomic\.so\.1' || missing="$missing libatomic1"
# The pages' layout is tested as people see it: with a font that has Vietnamese letters.
[ -e /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf ] || missing="$missing fonts-noto-core"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    printf '%s\n' "The tests need servers that are not on this machine:$missing" \
        "Install them as root:  apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
printf '\033[1m==> installing the servers that the tests talk to:%s\033[0m\n' "$missing"
# Debian starts a server right after installing it; the tests start their own, so none shall run by itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086  the names are words of ours
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
