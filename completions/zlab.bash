# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of zlab: everything is asked of the program itself.

_zlab_commands()
{
	zlab --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

_zlab_options()
{
	zlab "$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u
}

_zlab_backends()
{
	zlab backends 2>/dev/null | sed -n 's/^\([a-z][a-z0-9]*\):.*/\1/p'
}

_zlab()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local cmd=${COMP_WORDS[1]} words=""

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_zlab_commands) --help --version"
	elif [ "$cmd" = record ] && [[ " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *" -- "* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
		return
	else
		case $prev in
		-b | --backend)
			words=$(_zlab_backends)
			;;
		-c | --codec)
			words="lz4 zstd none"
			;;
		--base | --head)
			words=$(git for-each-ref --format='%(refname:short)' \
				2>/dev/null)
			;;
		*)
			[[ $cur == -* ]] && words=$(_zlab_options "$cmd")
			;;
		esac
	fi
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -o filenames -F _zlab zlab
