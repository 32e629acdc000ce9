#!/bin/sh
# The whole suite inside the guest: C programs, those of 32-bit code, then programs of busybox. $1 scales the amounts of work.
f=${1:-1}
/bench/bench all "$f"
/bench/bench32 "$f"
dd if=/bench/bench of=/tmp/data bs=64k count=12 2>/dev/null
step() { echo "bench $1 begin"; shift; sum=$("$@"); echo "bench $name end $sum"; }
name=gzip; compress() { i=0; while [ $i -lt 3 ]; do gzip -c /tmp/data | wc -c; i=$((i + 1)); done | tail -n 1; }
step gzip compress
name=sha256; hash() { i=0; while [ $i -lt 24 ]; do sha256sum /tmp/data; i=$((i + 1)); done | tail -n 1 | cut -c1-16; }
step sha256 hash
name=shell; loop() { i=0; s=0; while [ $i -lt 20000 ]; do s=$(((s * 31 + i) % 65521)); i=$((i + 1)); done; echo $s; }
step shell loop
echo "bench done"
