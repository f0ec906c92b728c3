#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The page of mkvdup stats in a browser: at a phone's width and a desktop's, in light and dark
# nothing is wider than the window or too pale to be read; it has its maps, loads nothing, can
# be searched and sorted, and names that are HTML stay names.
#
# MKVDUP_SCREENSHOTS=DIR keeps pictures of it, for who changes how it looks.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need jq chromium file

# browse ARGUMENT...: a browser without a network; its own log of requests is ./net.json.
browse ()
{
  timeout $((patience * 6)) chromium --headless=new --no-sandbox --disable-gpu --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$tmp/profile" --allow-file-access-from-files --hide-scrollbars \
    --host-resolver-rules='MAP * ~NOTFOUND' --log-net-log="$tmp/net.json" "$@" 2>chromium.log
}

# probe PAGE WIDTH DARK: what page-probe.html finds, in ./out.
probe ()
{
  browse --blink-settings=preferredColorScheme=$((1 - $3)) --virtual-time-budget=10000 \
    --window-size=1400,1000 \
    --dump-dom "file://$(realpath "$srcdir")/page-probe.html#file://$tmp/$1,$2" >dom ||
    fail "chromium: $(cat chromium.log)"
  sed -n 's/.*<body>\({.*}\)<\/body>.*/\1/p' dom |
    sed 's/&lt;/</g; s/&gt;/>/g; s/&nbsp;/ /g; s/&amp;/\&/g' >out
  jq -e . out >/dev/null || fail "no answer: $(head -c 2000 dom)"
}

# ---- a library: two titles of one disc, one that is half noise, one whose disc is away

hostile='<script>hostile=1</script>"><img src=x onerror=hostile=1>&amp;'
hostile+=$'\xff\xe2\x80\xae'
mkdir -p lib
titled ()
{
  printf 'name: "%s"\ndedup_file: %s.mkvdup\nsource_dir: %s\n' "$2" "$1" "$3" >"lib/$1.mkvdup.yaml"
}
make_title 1 lib/1.mkvdup
titled 1 "First film with a long name that has to be wrapped somewhere on a phone.mkv" "$tmp/discs/1"
cp lib/1.mkvdup lib/again.mkvdup
titled again "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.mkv" "$tmp/discs/1"
make_title 2 lib/2.mkvdup discs/two/BDMV/STREAM
rm lib/2.mkvdup
head -c 1500000 /dev/urandom | dd of=2.mkv bs=1 seek=900000 conv=notrunc status=none
mkvdup create -q 2.mkv discs/two -o lib/2.mkvdup
titled 2 "Half noise.mkv" "$tmp/discs/two"
make_title 3 lib/3.mkvdup
name=${hostile//\"/\\\"}
titled 3 "${name%%$'\xff'*}‮.mkv" "$tmp/discs/away"
expect 1 mkvdup stats -q lib --html page.html
expect 0 mkvdup stats -q discs --html empty.html

# ---- nothing in it that could ask for anything

! grep -qE '(https?:)?//[a-z]|url\(|@import|<link|<img|<iframe| src=| href=' <(
  sed 's/&lt;[^<]*//g' page.html) || fail "it refers to something"
grep -q "default-src 'none'" page.html || fail "no policy"
! grep -q $'\xe2\x80\xae' page.html || fail "a name turns the direction of writing"

# ---- in the browser

for width in 360 1280; do
  for dark in 0 1; do
    probe page.html $width $dark
    is .dark "$([ $dark = 1 ] && echo true || echo false)"
    is .width $width
    is ".scroll <= $width" true
    is '.faults | join("; ")' ""
    is .lang en
    is .images 0
    is .scripts 1
    is .hostile no
    is '.loaded | length' 0
    # Four titles, three discs: all with a name, all but the noise drawn from the source alone.
    is '.maps | length' 7
    is '[.maps[] | select(.role != "img" or (.label | length < 10) or .drawn < 1 or .high < 10)] | length' 0
    is '[.maps[] | select(.label | startswith("Map of Half noise")) | .drawn]' "[
  3
]"
    # No level is left out.
    is '[.headings as $h | range(1; $h | length) | select($h[.] > $h[. - 1] + 1)] | length' 0
    is '.headings[0]' 1
    is '.use.all | length' 4
    is '.use.found | length' 1
    is '.use.orders["share -1"][0]' "Half noise.mkv"
    is '.use.orders["name 1"] == .use.all' true
    is '[.use.all[] | select(contains("<script>hostile=1</script>\"><img src=x"))] | length' 1
    # What the browser itself would ask for goes nowhere either.
    ! grep -o '"url":"[^"]*"' net.json | grep -vE '"(file|data|chrome[a-z-]*|devtools|about):' |
      grep -vE '//[a-z0-9.-]*\.(google|googleapis|gvt1)\.com/' >asked || fail "asked for: $(cat asked)"
    name=stats-$width-$([ $dark = 1 ] && echo dark || echo light).png
    browse --blink-settings=preferredColorScheme=$((1 - dark)) --window-size=$width,1500 \
      --screenshot="$tmp/$name" "file://$tmp/page.html" >/dev/null ||
      fail "chromium: $(cat chromium.log)"
    file "$name" | grep -q "PNG image data, $width x 1500" || fail "$name: $(file "$name")"
    [ -z "${MKVDUP_SCREENSHOTS-}" ] || cp "$name" "$MKVDUP_SCREENSHOTS"
  done
done
probe empty.html 360 0
is '.faults | join("; ")' ""
is '.maps | length' 0
