# SPDX-License-Identifier: GPL-2.0-or-later
# For test scripts of the command line: sourced, prints TAP.
zlab=$ZLAB_BUILD/zlab
tmp=${TMPDIR:-/tmp}
n=0
status=0

report() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out" "$tmp/err"
		status=1
	fi
}

# expect TITLE STATUS LINE ARG...: exit status, and a part of the one line that
# standard error has (none if LINE is empty).
expect() {
	title=$1 want=$2 line=$3
	shift 3
	"$zlab" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	if [ "$got" != "$want" ]; then
		echo "status $got, not $want" >>"$tmp/err"
		report 1 "$title"
	elif [ -z "$line" ]; then
		[ ! -s "$tmp/err" ]
		report $? "$title"
	else
		[ "$(wc -l <"$tmp/err")" = 1 ] && grep -qF -- "$line" "$tmp/err"
		report $? "$title"
	fi
}
