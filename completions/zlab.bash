# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of zlab, which knows itself what could follow: "zlab complete".

# Into the array "line": the words up to the cursor, without the parts that bash
# makes of "zsmalloc:chain=4".
_zlab_line()
{
	local text=${COMP_LINE:0:COMP_POINT} i word

	line=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$i" -gt 0 ] && [[ $text != [[:space:]]* ]] && [ -n "$word" ]; then
			line[-1]+=$word
		else
			line+=("$word")
		fi
		text=${text#"${text%%[![:space:]]*}"}
		text=${text#"$word"}
	done
}

_zlab_files()
{
	local cur=$1 ending
	shift

	[ $# -eq 0 ] && compgen -f -- "$cur" && return
	compgen -d -- "$cur"
	for ending; do
		compgen -f -X "!*.$ending" -- "$cur"
	done
}

_zlab()
{
	local line found word rest cur prefix
	local -a offered

	COMPREPLY=()
	_zlab_line
	cur=${line[-1]}
	# What stands before the part that bash replaces.
	prefix=${cur%"${cur##*["$COMP_WORDBREAKS"]}"}
	mapfile -t offered < <("${line[0]}" complete "${line[@]:1}" 2>/dev/null)
	for found in "${offered[@]}"; do
		word=${found%%$'\t'*}
		rest=${word#* }
		[ "$rest" = "$word" ] && rest=
		case $word in
		:files*)
			compopt -o filenames 2>/dev/null
			# shellcheck disable=SC2086 # endings are words
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY \
				< <(_zlab_files "${cur#"$prefix"}" $rest)
			;;
		:dirs)
			compopt -o filenames 2>/dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY \
				< <(compgen -d -- "${cur#"$prefix"}")
			;;
		:refs)
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \
				"$(git for-each-ref --format='%(refname:short)' 2>/dev/null)" \
				-- "$cur")
			;;
		:program*)
			if declare -F _command_offset >/dev/null; then
				_command_offset "$rest"
			elif [ "$((rest + 1))" -eq "${#line[@]}" ]; then
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			fi
			return
			;;
		*)
			COMPREPLY+=("${word#"$prefix"}")
			[[ $word == *[=:] ]] && compopt -o nospace 2>/dev/null
			;;
		esac
	done
}

complete -F _zlab zlab
