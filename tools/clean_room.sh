#!/usr/bin/env bash
# tools/clean_room.sh [DIR]: both README commands in a fresh Debian 12: a debootstrap chroot with git and certificates only,
# and a fresh clone of HEAD. Needs root and debootstrap; keeps DIR (default build/clean_room) for a look unless it passes.
set -euo pipefail
repo="$(cd "$(dirname "$0")/.." && pwd)"
room="${1:-$repo/build/clean_room}"
# The machine's own mirror of Debian, where it names one.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
named=$(sed -nE 's/^(URIs: |deb (\[[^]]*\] )?)(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' <<<"$sources")
mirror="${DEBIAN_MIRROR:-${named%%$'\n'*}}"
mirror="${mirror:-http://deb.debian.org/debian}"
[ "$(id -u)" -eq 0 ] || { echo "clean_room: needs root for chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "clean_room: apt-get install debootstrap" >&2; exit 1; }

mounted=()
cleanup() { for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[i]}" || true; done; }
trap cleanup EXIT

rm -rf --one-file-system "$room"
mkdir -p "$room"
echo "clean_room: debootstrap into $room"
debootstrap --variant=minbase --include=git,ca-certificates bookworm "$room" "$mirror" >"$room.log" 2>&1 || { tail -5 "$room.log"; exit 1; }
for fs in proc sys dev; do
    mount --rbind "/$fs" "$room/$fs"
    mount --make-rslave "$room/$fs"
    mounted+=("$room/$fs")
done
cp /etc/resolv.conf "$room/etc/resolv.conf"
# The machine's own way to its package hosts: sources, proxies, certificates.
cp /etc/apt/sources.list "$room/etc/apt/" 2>/dev/null || true
for folder in apt/sources.list.d apt/apt.conf.d apt/keyrings ssl/certs; do
    [ -d "/etc/$folder" ] && mkdir -p "$room/etc/$folder" && cp -rL "/etc/$folder/." "$room/etc/$folder/" 2>/dev/null || true
done
[ -d /usr/share/keyrings ] && cp -rL /usr/share/keyrings/. "$room/usr/share/keyrings/" 2>/dev/null || true
mkdir -p "$room/root/.cargo"
cp "$HOME/.cargo/config.toml" "$room/root/.cargo/" 2>/dev/null || true
mkdir -p "$room/etc/pip" && cp /etc/pip.conf "$room/etc/pip.conf" 2>/dev/null || true
git clone -q "$repo" "$room/root/project"

inside() {
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        $(env | grep -iE '^(https?_proxy|no_proxy|GOPROXY|GOFLAGS|GONOSUMDB|GONOSUMCHECK|GOSUMDB|PIP_[A-Z_]+|CARGO_[A-Z_]+|SSL_CERT_FILE)=' | grep -v ' ' || true) \
        chroot "$room" /bin/bash -c "cd /root/project && $1"
}
status=0
inside "./dev run --once" || { echo "clean_room: ./dev run --once FAILED"; status=1; }
inside "./dev test" || { echo "clean_room: ./dev test FAILED"; status=1; }
cleanup
mounted=()
[ $status -eq 0 ] && rm -rf --one-file-system "$room" && echo "clean_room: passed"
exit $status
