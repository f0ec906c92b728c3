#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Packages: what lintian and rpm say of their sources; and with MKVDUP_LONG, that they are
# built, and that what they hold is all there is to be installed.

. "${srcdir:=.}/lib.sh"

top=${abs_top_srcdir:?}
need dpkg-source lintian rpmspec git
# A tarball has no debian/, wherever it was unpacked.
[ -e "$top/debian/changelog" ] && git -C "$top" rev-parse HEAD >/dev/null 2>&1 ||
  { echo "SKIP: no repository"; exit 77; }

if ! is_long; then
  left_out "building the packages"
  version=$(sed -n '1s/.*(\(.*\)-.*).*/\1/p' "$top/debian/changelog")
  git -C "$top" archive --prefix="mkvdup-$version/" HEAD | gzip -n >"mkvdup_$version.orig.tar.gz"
  tar -xf "mkvdup_$version.orig.tar.gz"
  dpkg-source -b "mkvdup-$version" >/dev/null
  lintian --fail-on error ./*.dsc >lintian.log 2>&1 || fail "$(cat lintian.log)"
else
  bash "$top/tests/package-debian" "$tmp/debian" >log 2>&1 || fail "Debian: $(tail -n 50 log)"
  for deb in debian/*.deb; do
    dpkg-deb -c "$deb" | awk '{ print $6 }' | grep -vE '/$|^\./usr/(lib/debug|share/doc)/'
  done | sed 's/\.gz$//; s|^\./lib/|./usr/lib/|' | sort >packed
  make -s -C "${abs_top_builddir:?}" install DESTDIR="$tmp/all" >/dev/null 2>&1
  (cd all && find . -type f -o -type l) |
    sed 's|/usr/local/|/usr/|; s|^\./lib/|./usr/lib/|' | grep -v '\.la$' | sort >all.files
  diff <(sed 's|.*/||' packed | grep -vx nbdkit-mkvdup | sort) <(sed 's|.*/||' all.files | sort) ||
    fail "< packed, > installed"
fi
rpmspec -P "${abs_top_builddir:?}/mkvdup.spec" >spec 2>rpm.log || fail "$(cat rpm.log)"
grep -q '^Version: *[0-9]' spec || fail "no version in the spec"
