#!/bin/sh
# The compiler launcher: ccache, hitting in every checkout.   ccache.sh SOURCE_DIR COMPILER ARGUMENTS…
#
# Paths below the checkout are passed on relative to the build folder. Clang writes absolute paths into a precompiled
# header, so its bytes differ between checkouts: ccache takes a checksum file beside it (pch_external_checksum), which is
# written here from the header's preprocessed text and the options.
set -e
source=$1
shift
up=../..
case "$PWD" in "$source"/*/*/*) up=$source ;; "$source"/*/*) ;; *) up=$source ;; esac

output=
previous=
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case "$argument" in
        "$PWD"/*) argument=${argument#"$PWD"/} ;;
        -I"$PWD"/*) argument=-I${argument#-I"$PWD"/} ;;
        "$source"/*) argument=$up/${argument#"$source"/} ;;
        -I"$source"/*) argument=-I$up/${argument#-I"$source"/} ;;
    esac
    [ "$previous" = "-o" ] && output=$argument
    previous=$argument
    set -- "$@" "$argument"
done

case "$output" in
    *.pch) "$@" ;; # made here: it names the files of this checkout
    *)
        export CCACHE_BASEDIR="$source" CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content CCACHE_DEPEND=1 CCACHE_PCH_EXTSUM=1
        export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        exec ccache "$@"
        ;;
esac

text=$output.text
skip=0
count=$#
while [ "$count" -gt 0 ]; do # the same command, preprocessing only
    argument=$1
    shift
    count=$((count - 1))
    if [ "$skip" = 1 ]; then
        skip=0
        continue
    fi
    case "$argument" in
        -o | -MT | -MF) skip=1 ;;
        -c | -MD | -emit-pch) ;;
        -Xclang) [ "$1" = "-emit-pch" ] || set -- "$@" "$argument" ;;
        *) set -- "$@" "$argument" ;;
    esac
done
echo "$@" >"$text"
"$@" -E -P >>"$text"
sha256sum <"$text" >"$output.sum"
rm -f "$text"
