#!/usr/bin/env bash
# tools/setup.sh GROUP…: installs the Debian packages of these groups of tools/packages.txt that are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted() { # packages of the groups named in the arguments
    local group="" line
    while read -r line; do
        case "$line" in
            "# ["*"]") group="${line#\# [}"; group="${group%]}" ;;
            ""|"#"*) ;;
            *) for asked in "$@"; do [ "$asked" = "$group" ] && echo "$line"; done ;;
        esac
    done < tools/packages.txt
}

missing=()
for package in $(wanted "$@"); do
    # A newer one that is already there, and not from Debian, serves as well.
    case "$package" in
        golang-go) command -v go >/dev/null && continue ;;
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: this machine has no apt-get; install the like of: ${missing[*]}" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root, or install: ${missing[*]}" >&2; exit 1; }
    as_root=sudo
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
