#!/usr/bin/env bash
# Installs what c1m needs: Debian packages, and the pinned Python environment in .venv.
# usage: scripts/bootstrap.sh bench|test   (`bench` builds and measures, `test` also tests, lints)
# Invariants: says what it installs before it does; changes nothing when all is there, and is then
# done in well under a second; Python packages are wheels whose hashes stand in requirements.lock.
# Exit codes: 0; 2 usage; 4 packages are missing and this is not Debian 12, or root is out of reach.
# Settings: C1M_PACKAGES=skip leaves the Debian packages to you; pip's own, such as PIP_INDEX_URL.
set -euo pipefail
cd "$(dirname "$0")/.."

bench_packages=(
  ca-certificates cmake g++ git libboost-context1.81-dev libboost1.81-dev libcli11-dev libfmt-dev
  libhwloc-dev libssl-dev liburing-dev libuv1-dev make ninja-build nlohmann-json3-dev pkg-config
  python3 python3-venv systemtap-sdt-dev zlib1g-dev
)
test_packages=(
  binutils ccache chromium clang-19 clang-format-19 gdb libbenchmark-dev
  libclang-rt-19-dev libgmock-dev libgtest-dev shellcheck wrk
)

say() { printf 'bootstrap: %s\n' "$*" >&2; }

usage() {
  say "usage: scripts/bootstrap.sh bench|test"
  exit 2
}

wanted_packages() {
  printf '%s\n' "${bench_packages[@]}"
  if [[ $1 == test ]]; then printf '%s\n' "${test_packages[@]}"; fi
}

# Those of the packages named on standard input that dpkg does not have installed.
missing_packages() {
  local wanted
  wanted=$(sort -u)
  # dpkg-query exits 1 when it does not know one of them; it lists the others all the same.
  # shellcheck disable=SC2086 # one argument a package
  {
    dpkg-query --show --showformat='${Package}\t${db:Status-Status}\n' $wanted 2>/dev/null || true
  } |
    awk -F '\t' '$2 == "installed" { print $1 }' | sort -u | comm -13 - <(printf '%s\n' "$wanted")
}

require_debian_12() {
  local file=${C1M_OS_RELEASE:-/etc/os-release} id="" version=""
  if [[ -r $file ]]; then
    id=$(sed -n 's/^ID=//p' "$file" | tr -d '"')
    version=$(sed -n 's/^VERSION_ID=//p' "$file" | tr -d '"')
  fi
  if [[ $id == debian && $version == 12 ]]; then return; fi
  say "this is ${id:-an unknown system} ${version}; these are names of Debian 12 (bookworm)."
  say "Install what corresponds, then run the same command with C1M_PACKAGES=skip set:"
  wanted_packages "$1" | sed 's/^/  /' >&2
  exit 4
}

require_root_or_sudo() {
  if [[ $EUID -eq 0 ]]; then return; fi
  if command -v sudo >/dev/null; then
    say "installing packages needs root: sudo may ask for your password"
    return
  fi
  say "installing packages needs root, and there is no sudo. As root, run:"
  say "  apt-get update && apt-get install --no-install-recommends $*"
  exit 4
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    env DEBIAN_FRONTEND=noninteractive "$@" >&2
  else
    sudo --preserve-env=http_proxy,https_proxy,no_proxy env DEBIAN_FRONTEND=noninteractive "$@" >&2
  fi
}

install_packages() {
  local -a missing
  mapfile -t missing < <(wanted_packages "$1" | missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  require_debian_12 "$1"
  require_root_or_sudo "${missing[@]}"
  say "will install these Debian packages with apt-get: ${missing[*]}"
  # The package lists are fetched only when apt cannot find a package in those it has.
  if ! apt-get install --simulate --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    say "the package lists are missing or old: apt-get update"
    as_root apt-get update --quiet
  fi
  if ! as_root apt-get install --yes --quiet --no-install-recommends "${missing[@]}"; then
    say "the installation failed; once more with fresh package lists"
    as_root apt-get update --quiet
    as_root apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
  fi
}

install_python_environment() {
  local installed=.venv/requirements.lock
  if cmp --silent requirements.lock "$installed" && .venv/bin/python -c ''; then return; fi
  local count
  count=$(grep --count '^[a-z0-9].*==' requirements.lock)
  say "will make .venv with the $count Python packages of requirements.lock"
  "${PYTHON:-/usr/bin/python3}" -m venv --clear .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement requirements.lock
  cp requirements.lock "$installed"
}

case ${1:-} in
  bench | test) ;;
  *) usage ;;
esac
if [[ ${C1M_PACKAGES:-install} != skip ]]; then
  install_packages "$1"
fi
install_python_environment
