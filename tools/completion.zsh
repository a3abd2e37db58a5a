#compdef mp-cat
# completion.zsh - zsh completion of the mp-* programs, installed as _mp for all of them.
# Asks each program itself (--list-options), so it knows what that version takes.

local option name values
local -a specs

for option in ${(f)"$($words[1] --list-options 2>/dev/null)"}; do
    name=${option%%=*}
    # an option may come again: the last one counts, or they add up
    if [[ $option != *=* ]]; then
        specs+=("*$name")
        continue
    fi
    values=${option#*=}
    [[ $name == --* ]] && name+== || name+=+
    case $values in
    *FILE*) specs+=("*$name:file:_files") ;;
    *DIR*) specs+=("*$name:directory:_files -/") ;;
    *[A-Z]*) specs+=("*$name:${values//:/\\:}: ") ;;
    *) specs+=("*$name:value:(${values//,/ })") ;;
    esac
done
# what mp-capture and mp-sample run has its own completion
[[ $words[1] == *mp-(capture|sample) ]] && specs+=('*:::command:_normal') || specs+=('*:file:_files')
_arguments -s -S $specs
