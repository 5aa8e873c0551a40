# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of zlab, which knows itself what could follow: "zlab complete".

function __zlab_complete
    set -l line (commandline -opc) (commandline -ct)
    set -l cur $line[-1]

    for found in ($line[1] complete $line[2..-1] 2>/dev/null)
        set -l rest (string split ' ' -- $found)
        switch $found
            case ':files'
                __fish_complete_path $cur
            case ':files *'
                __fish_complete_path $cur | string match -re "^[^\t]*(/|\\.("(string join '|' -- $rest[2..-1])"))(\t|\$)"
            case ':dirs'
                __fish_complete_directories $cur
            case ':refs'
                git for-each-ref --format='%(refname:short)' 2>/dev/null
            case ':program *'
                complete -C (string join ' ' -- (string escape -- $line[(math $rest[2] + 1)..-1]))
            case '*'
                printf '%s\n' $found
        end
    end
end

complete -c zlab -f -a '(__zlab_complete)'
