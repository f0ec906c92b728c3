#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What shells complete is what the command takes: the files are what generate makes of its
# --help, and real shells complete by them.

. "${srcdir:=.}/lib.sh"

folder=${abs_top_srcdir:?}/completions
for shell in bash zsh fish; do
  file=$(find "$folder/$shell" -type f)
  bash "$folder/generate" $shell >made
  diff "$file" made || fail "$shell: not up to date: make -C completions completions"
done

options=$(mkvdup create --help | grep -oE -- '^  (-., |    )--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort)
commands=$(mkvdup --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | sort)

# same WHAT WANT GOT
same ()
{
  diff <(echo "$2") <(echo "$3") || fail "$1"
}

# ---- bash

# complete_bash WORD...: what the last one could be.
complete_bash ()
{
  bash --norc -c '
    . /usr/share/bash-completion/bash_completion
    . "$1"
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
    compopt () { :; }
    _mkvdup
    printf "%s\n" "${COMPREPLY[@]}"' bash "$folder/bash/mkvdup" "$@" | sed 's/=$//' | sort
}
if [ -e /usr/share/bash-completion/bash_completion ]; then
  same "bash: commands" "$commands" "$(complete_bash mkvdup '')"
  same "bash: options" "$options" "$(complete_bash mkvdup create --)"
  same "bash: cut" "--force" "$(complete_bash mkvdup create --fo)"
  same "bash: values" smallest "$(complete_bash mkvdup batch --order s)"
  touch Movie.mkv
  same "bash: files" Movie.mkv "$(complete_bash mkvdup create Mo)"
  same "bash: files of options" Movie.mkv "$(complete_bash mkvdup create --output Mo)"
  same "bash: numbers" '' "$(complete_bash mkvdup create --threads '')"
else
  not_tried "bash: no bash-completion here"
fi

# ---- zsh: in a terminal, as it completes in no other way

if command -v zsh >/dev/null; then
  cat >ask.zsh <<'END'
zmodload zsh/zpty
zpty z "TERM=dumb zsh -f -i"
zpty -w z "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=0; stty -echo rows 100 cols 200; print rea''dy"
out=
until [[ $out == *ready* ]]; do zpty -r z more && out+=$more; done
zpty -n -w z $2$'\t\t'
out=
repeat 50; do
  sleep 0.1
  while zpty -r -t z more; do out+=$more; done
  [[ $out != *$3* ]] || break
done
print -r -- $out
zpty -d z
END
  got=$(timeout 60 zsh -f ask.zsh "$folder/zsh" 'mkvdup create --' --yes | tr -d '\r' |
    sed -nE 's/^(--[a-z-]+) .*/\1/p' | sort)
  same "zsh: options" "$options" "$got"
else
  not_tried "zsh: none here"
fi

# ---- fish

if command -v fish >/dev/null; then
  complete_fish ()
  {
    HOME=$tmp fish --no-config -c "source '$folder/fish/mkvdup.fish'; complete -C '$1'" | cut -f 1 | sort
  }
  same "fish: commands" "$commands" "$(complete_fish 'mkvdup ')"
  same "fish: options" "$options" "$(complete_fish 'mkvdup create --')"
  same "fish: values" smallest "$(complete_fish 'mkvdup batch --order s')"
else
  not_tried "fish: none here"
fi
