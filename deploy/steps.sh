# The steps that deploy/run and tests/run share: which Debian packages there must be, installing those that are missing,
# configuring and building. Sourced, not run. Exit codes as in sysexits.h: 64 usage, 69 unavailable.

# What a build needs, and time zones for tariffs: on a bare Debian 12 nothing else.
build_packages=(
  g++ cmake ninja-build pkg-config ccache mold
  libgrpc++-dev protobuf-compiler-grpc protobuf-compiler libprotobuf-dev
  libabsl-dev librocksdb-dev libboost1.81-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libssl-dev libcpp-httplib-dev libzstd-dev zlib1g-dev tzdata
)

# What the tests need besides.
test_packages=(libbenchmark-dev libgtest-dev libgmock-dev)

say() { printf '==> %s\n' "$*" >&2; }

# fail CODE WHAT WHY-AND-WHAT-TO-DO...
fail() {
  local code=$1
  shift
  printf 'error: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '       %s\n' "$@" >&2
  exit "$code"
}

# Prints those of the named packages that are not installed, one a line.
missing_packages() {
  local installed name
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    [[ $'\n'$installed$'\n' == *$'\n'"$name installed"$'\n'* ]] || printf '%s\n' "$name"
  done
}

# Installs those of the named packages that are missing; says which. Touches nothing if all are there.
install_packages() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail 69 'there is no apt-get here' \
      'Penstock is built from the packages of Debian 12 (bookworm) and of nothing else.' \
      'Run this on Debian 12, or in a container of it: docker run -it -v "$PWD":/penstock debian:12 /penstock/deploy/run'

  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "All $# Debian packages are installed."
    return
  fi
  say "Installing ${#missing[@]} of $# Debian packages: ${missing[*]}"

  local -a as_root=(env)
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null ||
      fail 69 'packages are missing, and installing them takes root' \
        'You are not root and there is no sudo. As root, run:' \
        "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo env)
  fi
  local -a apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120)

  local release
  release=$(. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-}") || true
  "${apt[@]}" update >&2 || say 'apt-get update failed; trying with the package lists that are there.'
  # Nobody asked for anything to be removed: a conflict stops here instead.
  "${apt[@]}" install --no-install-recommends --no-remove "${missing[@]}" >&2 ||
    fail 69 "apt-get could not install: ${missing[*]}" \
      'Its own message is above. The usual reasons:' \
      '- no network, or a mirror that is down: does `apt-get update` work?' \
      "- another release than Debian 12 (this one is: ${release:-unknown}): run in a debian:12 container" \
      '- a conflict, such as libboost-dev 1.74 with libboost1.81-dev: remove that package, or use a container'
}

# As many jobs as processors, but no more than one per GiB of memory: a gRPC translation unit takes most of one.
build_jobs() {
  local processors kib
  processors=$(nproc)
  kib=$(while read -r key value _; do [[ $key != MemAvailable: ]] || printf '%s' "$value"; done </proc/meminfo)
  local by_memory=$((${kib:-1048576} / 1048576))
  ((by_memory >= 1)) || by_memory=1
  printf '%s' $((processors < by_memory ? processors : by_memory))
}

# configure_and_build ROOT PRESET [TARGET...]
configure_and_build() {
  local root=$1 preset=$2 target
  shift 2
  local -a targets=()
  for target in "$@"; do targets+=(--target "$target"); done
  say "Configuring preset $preset in build/$preset"
  (cd "$root" && cmake --preset "$preset" >&2)
  local jobs
  jobs=$(build_jobs)
  say "Building with $jobs jobs; [done/all, elapsed]"
  (cd "$root" && NINJA_STATUS='[%f/%t, %es] ' cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}" >&2)
}
