#!/usr/bin/env bash
# scripts_test.sh ROOT: the scripts that a newcomer runs first. They run here with a PATH of play commands that write
# down how they were called, so nothing is installed and nothing is built.
# shellcheck disable=SC2016  # the bodies of play commands expand when they are played
set -euo pipefail

root=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# check WHAT CONDITION...: one expectation, as a command.
check() {
  local what=$1
  shift
  "$@" && return
  printf 'FAILED: %s\n%s\n' "$what" "$(cat "$scratch/out" "$scratch/err" "$scratch/calls" 2>/dev/null)" >&2
  failures=$((failures + 1))
}
says() { grep -qF -- "$2" "$scratch/$1"; }
silent() { [[ ! -s $scratch/$1 ]]; }

# A play command: notes its call, prints and exits as told.
play() {
  local name=$1 body=$2
  printf '#!/bin/bash\necho "%s $*" >>"%s/calls"\n%s\n' "$name" "$scratch" "$body" >"$scratch/bin/$name"
  chmod +x "$scratch/bin/$name"
}

# A fresh machine: real bash and coreutils, play everything else; $1 is the user's id.
machine() {
  rm -rf "${scratch:?}/bin" "$scratch/calls"
  mkdir "$scratch/bin"
  : >"$scratch/calls"
  local tool
  for tool in bash cat dirname env nproc grep; do ln -s "$(command -v "$tool")" "$scratch/bin/$tool"; done
  play id "echo $1"
  play cmake ''
  play ctest 'exit ${CTEST_CODE:-0}'
}
with_apt() {
  play dpkg-query 'shift 2; for p in "$@"; do [[ " ${MISSING:-} " == *" $p "* ]] || echo "$p installed"; done; exit 1'
  play apt-get 'case "$*" in *install*) exit ${APT_CODE:-0} ;; esac'
}

# run CODE COMMAND...: the command on that machine; its exit code is expected.
run() {
  local expected=$1 code=0
  shift
  PATH=$scratch/bin "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
  check "$* exits $expected, not $code" [ "$code" = "$expected" ]
}

for script in deploy/run deploy/steps.sh tests/run tests/deploy/scripts_test.sh .ci/run; do
  check "$script parses" bash -n "$root/$script"
done
for script in deploy/run tests/run .ci/run; do
  check "$script is executable" [ -x "$root/$script" ]
done

machine 0
run 0 "$root/deploy/run" --help
check 'help explains --build' says out --build
run 64 "$root/deploy/run" --build --frobnicate
check 'an unknown option is named' says err --frobnicate
check 'neither does anything' silent calls

machine 0
run 69 "$root/deploy/run" --build
check 'without apt it says where it would work' says err 'Debian 12'

machine 0
with_apt
run 0 "$root/deploy/run" --build
check 'with all packages there apt-get is left alone' bash -c "! grep -q apt-get '$scratch/calls'"
check 'the release preset is configured' says calls 'cmake --preset release'
check 'penstock is built' says calls '--target penstock'
check 'stdout is left to the demo' silent out

machine 0
with_apt
MISSING='mold cmake' run 0 "$root/deploy/run" --build
check 'it says what it installs' says err 'Installing 2 of 21 Debian packages: cmake mold'
check 'lists are updated first' says calls ' update'
check 'only what is missing is installed, nothing removed' says calls '--no-install-recommends --no-remove cmake mold'

machine 1000
with_apt
MISSING=mold run 69 "$root/deploy/run" --build
check 'without root and sudo it says what root should run' says err 'apt-get install --no-install-recommends mold'

machine 1000
with_apt
play sudo 'exec "$@"'
MISSING=mold run 0 "$root/deploy/run" --build
check 'sudo is used when there is no root' says calls 'sudo env DEBIAN_FRONTEND=noninteractive apt-get'

machine 0
with_apt
MISSING=mold APT_CODE=100 run 69 "$root/deploy/run" --build
check 'a failing apt-get is explained' says err 'apt-get could not install: mold'
check 'and nothing is built' bash -c "! grep -q 'cmake --' '$scratch/calls'"

machine 0
with_apt
play cmake '[[ $* != *--build* ]] || exit 2'
run 2 "$root/tests/run"
check 'after a failed build nothing is tested' bash -c "! grep -q ctest '$scratch/calls'"

machine 0
with_apt
CTEST_CODE=8 run 8 "$root/.ci/run" -R layering
check 'the options reach ctest' says calls '--output-on-failure -j2 -R layering'

((failures == 0)) || exit 1
echo 'The scripts behave.'
