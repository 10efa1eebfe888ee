#!/usr/bin/env bash
# tools/setup.sh GROUP…: installs the Debian packages of these groups of tools/packages.txt that are missing, and for the
# group test the Python packages of tools/python.txt.
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

install_debian() {
    if ! command -v apt-get >/dev/null; then
        echo "setup: this machine has no apt-get; install the like of: ${missing[*]}" >&2
        exit 1
    fi
    local as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "setup: run as root, or install: ${missing[*]}" >&2; exit 1; }
        as_root=sudo
    fi
    echo "setup: installing ${missing[*]}"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
[ ${#missing[@]} -eq 0 ] || install_debian

python_packages_are_there() {
    python3 - tools/python.txt <<'CHECK'
import importlib.metadata, sys
for line in open(sys.argv[1]):
    name, _, version = line.strip().partition("==")
    if version and importlib.metadata.version(name) != version:
        sys.exit(1)
CHECK
}
case " $* " in
    *" test "*)
        if ! python_packages_are_there 2>/dev/null; then
            echo "setup: installing the packages of tools/python.txt"
            # Debian's own Python wants to be told that its packages may be added to.
            python3 -m pip install -q --break-system-packages -r tools/python.txt
        fi
        ;;
esac
