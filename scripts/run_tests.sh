#!/usr/bin/env bash
# `make test` after the bootstrap: lint, unit tests, tests that cross folders, sanitizers, fuzzers.
# Invariants: a failed step does not stop those that do not need it; the last line is computed by
# scripts/tests_summary.py from what the runners wrote; exit code 0 only if every step succeeded.
# Environment: JOBS, compilers and fuzzers at a time; FUZZ_S, seconds for each fuzzer.
# usage: scripts/run_tests.sh [all|lint|dev|asan|tsan|fuzz ...]           (default: all)
#        scripts/run_tests.sh soak                 nightly: the soak of tests/soak_memory_is_flat.py
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${JOBS:-$(nproc)}
results=build/test-results
steps=$results/steps.tsv
python=.venv/bin/python
# What runs under the sanitizers: our own code, without the libraries that the servers stand on.
sanitized=(os_test measure_test protocol_test runtime_test runtime_sight_test loadgen_test)

# step NAME JUNIT_FILE|- COMMAND...: runs, times and records one step for the summary.
step() {
  local name=$1 junit=$2 started=$SECONDS status=0
  shift 2
  printf '\n=== %s\n' "$name"
  "$@" || status=$?
  local verdict=ok
  if [[ $status -ne 0 ]]; then verdict="FAILED ($status)"; fi
  printf '=== %s: %s, %d s\n' "$name" "$verdict" $((SECONDS - started))
  printf '%s\t%d\t%d\t%s\n' "$name" "$status" $((SECONDS - started)) "$junit" >>"$steps"
  return "$status"
}

# build PRESET [TARGET...]: configures and builds; without targets, everything.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" && cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

# unit_tests PRESET JUNIT_FILE: ctest, showing the output of what fails. Test programs that this
# preset does not build are left out; whether the others are there is for the build step to see.
unit_tests() {
  ctest --preset "$1" -j "$jobs" --output-junit "$PWD/$2" --no-tests=error \
    --exclude-regex '_NOT_BUILT$' |
    grep -v -E '^ *(Start|[0-9]+/[0-9]+ Test .* Passed)'
}

python_tests() {
  C1M_BUILD_DIR=build/dev "$python" -m pytest -q --junitxml "$results/pytest.xml" \
    tests scripts os measure protocol runtime servers loadgen
}

build_asan() { build asan "${sanitized[@]}"; }
build_tsan() { build tsan runtime_test runtime_sight_test; }
build_fuzz() { build fuzz c1m_fuzzers; }

lint() { step lint "$results/lint.xml" "$python" -m lint --junitxml "$results/lint.xml" || true; }

dev() {
  step "build dev" - build dev || return 0
  step "unit tests" "$results/unit.xml" unit_tests dev "$results/unit.xml" || true
  ${1:-:}
  step "python tests" "$results/pytest.xml" python_tests || true
}

# The Python tests mostly wait, for servers and for time to pass. Meanwhile the lint and the other
# builds have what is left of the processors, and give way at once (SCHED_IDLE). What a build says
# is for its own step, which then finds it done, or fails as it did.
begin_aside() {
  set -m  # a process group of its own, so that all of it can be ended
  {
    chrt --idle --pid 0 "$BASHPID" || true
    lint
    build_asan && build_tsan && build_fuzz
  } >"$results/aside.log" 2>&1 </dev/null &
  aside=$!
  set +m
  trap end_aside EXIT
}

# What is not done yet would go on too slowly beside other programs; its own step does it again.
end_aside() {
  if [[ ! ${aside:-} ]]; then return; fi
  kill -TERM -- "-$aside" 2>/dev/null || true
  wait "$aside" 2>/dev/null || true
  aside=
}

all() {
  dev begin_aside
  end_aside
  # A lint that was ended knows what it has passed, and begins there.
  if grep -q '^lint' "$steps"; then sed '/^=== lint: /q' "$results/aside.log"; else lint; fi
  asan
  tsan
  fuzz
}

asan() {
  step "build asan" - build_asan || return 0
  step "unit tests under asan" "$results/asan.xml" unit_tests asan "$results/asan.xml" || true
}

tsan() {
  step "build tsan" - build_tsan || return 0
  step "unit tests under tsan" "$results/tsan.xml" unit_tests tsan "$results/tsan.xml" || true
}

fuzz() {
  step "build fuzz" - build_fuzz || return 0
  step "fuzzers" "$results/fuzz.xml" "$python" scripts/fuzz_smoke.py --directory build/fuzz/fuzz \
    --seconds "${FUZZ_S:-10}" --jobs "$jobs" --junitxml "$results/fuzz.xml" || true
}

# Not among the default steps: five minutes of load, for a nightly run.
soak() {
  step "soak" "$results/soak.xml" env C1M_BUILD_DIR=build/dev "$python" -m pytest -q -s \
    --junitxml "$results/soak.xml" tests/soak_memory_is_flat.py || true
}

mkdir -p "$results"
rm -f "$results"/*.xml "$steps"
export PYTHONPATH=$PWD/scripts${PYTHONPATH:+:$PYTHONPATH}
for name in "${@:-all}"; do "$name"; done
"$python" scripts/tests_summary.py "$steps"
