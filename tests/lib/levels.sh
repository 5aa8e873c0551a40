# SPDX-License-Identifier: GPL-2.0-or-later
# Builds for virtual CPUs of several -O levels, in $TMPDIR/oLEVEL: sourced.

# build_level LEVEL: complete the build there; nothing may warn.
build_level() {
	make -s OPT="-O$1" B="$TMPDIR/o$1" "$TMPDIR/o$1/zlab-virtual" \
		>"$TMPDIR/make.log" 2>&1 && return
	tail -5 "$TMPDIR/make.log"
	return 1
}

# compare_levels ONE OTHER: both replay alike; prints TAP.
compare_levels() {
	one=$1 other=$2
	"$ZLAB_BUILD/zlab" generate \
		uniform:keys=5000,ops=20000,reads=0.5,same=0 \
		-o "$TMPDIR/t.zlt" >/dev/null 2>&1
	n=0
	for spec in zsmalloc:lock=pool zsmalloc:lock=class zsmalloc:lock=class-free \
		zbud; do
		for opt in "$one" "$other"; do
			"$TMPDIR/o$opt/zlab-virtual" replay "$TMPDIR/t.zlt" \
				--vcpus 32 --charge lz4 --backend "$spec" \
				--profile profiles/two-socket.json \
				--think 2000 --json "$TMPDIR/o$opt.jsonl" \
				>"$TMPDIR/result$opt" 2>&1
		done
		n=$((n + 1))
		cmp "$TMPDIR/result$one" "$TMPDIR/result$other" &&
			grep -q '^  result [0-9a-f]' "$TMPDIR/result$one" ||
			printf 'not '
		echo "ok $n - $spec: -O$one and -O$other give the same result"
	done
	python3 - "$TMPDIR/o$one.jsonl" "$TMPDIR/o$other.jsonl" <<'END' || printf 'not '
import json, sys
one, other = ([json.loads(line) for line in open(f)] for f in sys.argv[1:])
assert len(one) == len(other) == 4
for a, b in zip(one, other):
    assert a["locks"] and a["locks"] == b["locks"], (a["backend"], "locks")
    assert a["counts"] == b["counts"], (a["backend"], "counts")
    assert a["virtual"]["hash"] == b["virtual"]["hash"], a["backend"]
END
	n=$((n + 1))
	echo "ok $n - so are counts, lock tables and the clocks of all CPUs"
	echo "1..$n"
}
