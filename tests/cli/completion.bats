#!/usr/bin/env bats
# Completion in bash and zsh: options and choices as the program itself lists them.
load ../helper

# bash WORD...: what bash offers for the last word
offered() {
    local -a words=("$@")
    bash -c '. "$1" && shift && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) &&
        _mp_complete "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}" && echo "${COMPREPLY[*]}"' \
        - "$here/tools/completion.bash" "${words[@]}"
}

# zsh LINE...: each line completed (the key is tab), as zsh has it then
zsh_lines() {
    sed "1s/.*/#compdef $(programs | tr '\n' ' ')/" "$here/tools/completion.zsh" >_mp
    cat >drive <<'END'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= TERM=dumb; unsetopt zle_bracketed_paste prompt_cr prompt_sp
fpath=($PWD \$fpath); autoload -U compinit; compinit -u -D
zstyle ':completion:*' menu no; setopt no_auto_menu no_list_beep
finish() { print -r -- \"<\$BUFFER>\"; BUFFER=; zle accept-line }; zle -N finish; bindkey '^X' finish
print ready:\$((40 + 2))"
zpty -r -m shell got '*ready:42*'
for line; do
    zpty -w -n shell "$line"$'\t\C-x'
    zpty -r -m shell got '*<*>*'
    got=${got%%>*}
    print -r -- "${got##*<}"
done
zpty -d shell
END
    timeout 60 zsh -f drive "$@"
}

@test "bash: options, choices, files, folders, and nothing where a number is wanted" {
    mkdir folder
    touch trace.mp
    same "$(offered mp-top --fr)" --frames
    same "$(offered mp-top --by mo)" module
    same "$(offered mp-top --by = fu)" function
    same "$(offered mp-top tr)" trace.mp
    same "$(offered mp-top -o tr)" trace.mp
    same "$(offered mp-sym --debug-dir f)" folder
    same "$(offered mp-top -n t)" ''
    same "$(offered mp-filter --sin)" --since
}

@test "bash: every program is registered, those to come as well" {
    mkdir bin
    ln -s "$build"/bin/mp-* bin
    ln -s "$build/bin/mp-top" bin/mp-new
    PATH=$PWD/bin:$PATH bash -c '. "$1"; shift; for p; do complete -p "$p" >/dev/null || exit; done' - \
        "$here/tools/completion.bash" $(programs) mp-new
}

@test "zsh: options, choices, files and folders" {
    command -v zsh || skip 'no zsh'
    mkdir folder
    touch trace.mp
    zsh_lines 'mp-top --fra' 'mp-top --by mo' 'mp-top --by=fu' 'mp-top tr' 'mp-top -o tr' \
        'mp-sym --debug-dir f' 'mp-filter --sin' 'mp-fold --by li' 'mp-top --by line tr' >got
    printf '%s\n' 'mp-top --frames=' 'mp-top --by module ' 'mp-top --by=function ' \
        'mp-top trace.mp ' 'mp-top -o trace.mp ' 'mp-sym --debug-dir folder/' \
        'mp-filter --since=' 'mp-fold --by line ' 'mp-top --by line trace.mp ' >want
    diff got want
}

@test "zsh: behind mp-capture the command has its own completion" {
    command -v zsh || skip 'no zsh'
    touch trace.mp
    same "$(zsh_lines 'mp-capture --no-symb' 'mp-capture -- mp-top --by mo' 'mp-sample -- mp-top --by mo')" \
        'mp-capture --no-symbols 
mp-capture -- mp-top --by module 
mp-sample -- mp-top --by module '
}
