# completion.bash - bash completion of the mp-* programs.
# Asks each program itself (--list-options), so it knows what that version takes.

_mp_complete() {
    local program=$1 current=$2 previous=$3 option values
    local -a options
    mapfile -t options < <("$program" --list-options 2>/dev/null)
    if [[ $previous == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $current == '=' ]]; then
        current=
    fi
    for option in "${options[@]}"; do
        [[ ${option%%=*} == "$previous" && $option == *=* ]] || continue
        values=${option#*=}
        case $values in
        *FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        *DIR*) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        *[A-Z]*) COMPREPLY=() ;; # a number, a name: nothing to offer
        *) mapfile -t COMPREPLY < <(compgen -W "${values//,/ }" -- "$current") ;;
        esac
        return
    done
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${options[*]%%=*}" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

# For every program beside mp-cat, and for the one this file was loaded for.
_mp_register() {
    local program cat
    cat=$(type -P mp-cat)
    for program in "${cat%cat}"*; do
        [[ -n $cat && -x $program ]] &&
            complete -o filenames -F _mp_complete -- "${program##*/}"
    done
    [[ ${BASH_SOURCE[0]##*/} == mp-* ]] &&
        complete -o filenames -F _mp_complete -- "${BASH_SOURCE[0]##*/}"
    unset -f _mp_register
}
_mp_register
