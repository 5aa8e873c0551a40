#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Record what real programs swap, replay it through every allocator, and leave
# tables, plots and a page.
#
# usage: mk/demo.sh BUILD FOLDER
#
# RUNS: samples of every combination (default 5). LIMIT: memory the programs may
# keep, as for zlab record (default 40%).
set -eu
zlab=$1/zlab
dir=$2
runs=${RUNS:-5}
limit=${LIMIT:-40%}
here=$(dirname "$0")/..

rm -rf "$dir"
mkdir -p "$dir/traces"

say() {
	printf '  %-8s %s\n' "$1" "$2"
}

# record NAME COMMAND...: false when recording is not possible here.
record() {
	name=$1
	shift
	say RECORD "$name ($1)"
	"$zlab" record --quiet --limit "$limit" -o "$dir/traces/$name.zlt" -- \
		"$@" >"$dir/$name.out" 2>"$dir/$name.err" || {
		cat "$dir/$name.err" >&2
		rm -f "$dir/traces/$name.zlt"
		return 1
	}
	rm -f "$dir/$name.out" "$dir/$name.err"
}

python='
import json
people = [{"id": i, "name": "person %d" % (i * 7919 % 10007),
           "tags": [str(i % k) for k in range(2, 9)]} for i in range(12000)]
text = json.dumps(people)
again = json.loads(text)
again.sort(key=lambda p: p["name"])
print(len(text), again[0]["name"])'

if record python python3 -c "$python"; then
	seq 1 220000 | awk '{ print ($1 * 7919) % 220009, "line", $1 }' \
		>"$dir/lines"
	record sort sort -S 64M --parallel=1 -k1n "$dir/lines" || true
	rm -f "$dir/lines"
	command -v gcc >/dev/null && record gcc gcc -O2 -D_GNU_SOURCE \
		-I"$here" -I"$1" -c -o "$dir/gcc.o" "$here/harness/replay/replay.c" ||
		true
	rm -f "$dir/gcc.o"
	set -- "$dir"/traces/*.zlt
else
	set -- "$here"/traces/samples/*.zlt
	if [ ! -e "$1" ]; then
		echo "demo: nothing could be recorded, and there are no" \
			"committed traces in traces/samples" >&2
		exit 1
	fi
	say DEMO "nothing could be recorded here; replaying traces/samples"
fi

for trace; do
	say INFO "$(basename "$trace" .zlt): $("$zlab" info "$trace" |
		sed -n 's/^events  *\([0-9]*\).*/\1 events/p')"
done
say COMPARE "$# traces, lz4 and zstd, $runs runs each"
"$zlab" compare "$@" --codec lz4 zstd --runs "$runs" -o "$dir/result" \
	--no-report
"$zlab" report --quiet "$dir/result" ||
	echo "demo: the plots and the page could not be made" >&2
echo
echo "table   $dir/result/table.txt"
echo "records $dir/result/records.jsonl"
[ ! -e "$dir/result/report.html" ] ||
	echo "page    $dir/result/report.html"
