# The stages of scripts/test, and what they count. Sourced from the root of the tree.

all_stages=(format tidy dev headers examples fuzz asan tsan release bench sim package)
jobs=${SPIDER_JOBS:-$(nproc)}
passed=0 failed=0 skipped=0
failures=() skips=()
run_prefix=()  # what tests are run through

# begin NAME: says what is under way. finish WORD: how it went, and how long it took.
begin() {
  step_name=$1 step_began=$SECONDS step_log=build/logs/${1// /-}.log
  printf '%-20s ' "$step_name"
}
finish() { printf '%s  (%d s)\n' "$1" $((SECONDS - step_began)); }

pass_one() { ((++passed)); finish ok; }
fail_one() {
  ((++failed))
  failures+=("$step_name: see $step_log")
  finish FAILED
  tail -n "${1:-40}" "$step_log" | sed 's/^/  | /'
}

# step NAME COMMAND...: one check, which passes when the command does.
step() {
  begin "$1"
  if "${@:2}" >"$step_log" 2>&1 </dev/null; then pass_one; else fail_one; return 1; fi
}

# skip_one NAME WHY: a check that was not made, and says so.
skip_one() {
  begin "$1"
  ((++skipped))
  skips+=("$1: $2")
  finish "skipped, $2"
}

# need TOOL NAME: whether TOOL is there; where not, NAME is skipped, or fails when CI=true.
need() {
  command -v "$1" >/dev/null && return 0
  if [[ ${CI:-} == true ]]; then
    step "$2" sh -c 'echo "$1 is not installed"; false' sh "$1"
  else
    skip_one "$2" "$1 is not installed"
  fi
  return 1
}

# build PRESET [TARGET...]: configures and builds, as one check.
build() {
  step "$1 build${2:+ $2}" build_quietly "$@"
}
build_quietly() {
  cmake --preset "$1" && cmake --build --preset "$1" --parallel "$jobs" ${2:+--target "${@:2}"}
}

# run_tests NAME PRESET CTEST-ARGUMENT...: adds ctest's own counts to the totals.
run_tests() {
  begin "$1"
  local junit=$PWD/build/logs/${1// /-}.xml
  rm -f "$junit"
  "${run_prefix[@]}" ctest --test-dir "build/$2" --parallel "$jobs" --output-on-failure --no-tests=ignore \
    --output-junit "$junit" "${@:3}" >"$step_log" 2>&1 </dev/null
  local status=$?
  local tests=0 failures_here=0 skipped_here=0
  if [[ -f $junit ]]; then
    tests=$(count tests "$junit") failures_here=$(count failures "$junit")
    skipped_here=$(($(count skipped "$junit") + $(count disabled "$junit")))
  fi
  ((passed += tests - failures_here - skipped_here, skipped += skipped_here))
  ((skipped_here)) && skips+=("$1: $skipped_here of $tests tests, see $step_log")
  if ((failures_here)); then
    ((failed += failures_here - 1))  # fail_one counts the last
    fail_one 60
  elif ((status)); then
    fail_one 60
  else
    finish "$((tests - skipped_here)) passed, $skipped_here skipped"
  fi
}
count() {
  local value
  value=$(sed -n "/<testsuite /,/>/s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1)
  echo "${value:-0}"
}

stage_format() {
  need clang-format-14 format || return
  step format check_format
}
# Compares the formatted text: --dry-run of clang-format 14 reports changes that change nothing.
check_format() {
  find include src mocks tests examples bench cmake -name '*.[ch]pp' -print0 2>/dev/null |
    xargs -0 -n 1 -P "$jobs" bash -c 'clang-format-14 "$0" | diff -u --label "$0" --label "$0 (formatted)" "$0" -'
}

stage_tidy() {
  need python3 tidy || return
  step "tidy self-test" python3 -B tests/tidy/tidy_test.py
  step tidy python3 -B tests/tidy/tidy.py
  need patch mutants && step mutants scripts/mutants --check
}

stage_dev() {
  build dev && run_tests "dev tests" dev --label-exclude '^(tidy|example|fuzz)$'
}

stage_headers() { build dev all_verify_interface_header_sets; }

stage_examples() {
  build dev && run_tests "examples" dev --label-regex '^example$'
}

# The corpora, and each of their files cut off at many places. Fuzzing itself is for scripts/night.
stage_fuzz() {
  build dev && run_tests "fuzz corpora" dev --label-regex '^fuzz$'
}

stage_asan() {
  need clang++-19 asan || return
  export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1
  export UBSAN_OPTIONS=print_stacktrace=1
  # What has threads of its own (tests/race) is the thread sanitizer's.
  build asan spider_unit_tests spider_contract_tests &&
    run_tests "asan tests" asan --label-regex '^(unit|contract)$'
}

stage_tsan() {
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  # TSan may not start where the kernel randomises addresses by more than 28 bits.
  local run_prefix=()
  if setarch "$(uname -m)" -R true 2>/dev/null; then run_prefix=(setarch "$(uname -m)" -R); fi
  # What has threads of its own lives in tests/race; the rest runs on one.
  build tsan spider_race_tests && run_tests "tsan tests" tsan --label-regex '^race$'
}

stage_release() {
  if ! grep -qs spider_program src/cli/CMakeLists.txt; then
    skip_one release "there is no program yet"
    return
  fi
  build release spider_program &&
    step "release info" build/release/spider info examples/workflows/photo-mosaic.json
}

# That the benchmarks run in the optimised build. How fast they are is for a quiet machine to say.
stage_bench() {
  local groups=(channel core idle pipeline)
  step "release configuration" cmake --preset release || return
  if ! grep -qs '^SPIDER_BUILD_BENCH:BOOL=ON' build/release/CMakeCache.txt; then
    skip_one bench "Google Benchmark or oneTBB is not installed"
    return
  fi
  build release "${groups[@]/#/spider_bench_}" &&
    step "bench quick" bench/run --quick --programs build/release --json build/logs/bench.json \
      "${groups[@]/#/--only=}"
}

# A user's project, built against what is installed.
stage_package() {
  local variant
  for variant in static shared bare; do step "package $variant" tests/package/check "$variant"; done
}

# The fault simulator: many seeds in the optimised build, some under the sanitizers, the same logs in both.
stage_sim() {
  build release spider_program || return
  step "sim release" build/release/spider sim --seeds 2000 --json build/logs/sim.json &&
    step "sim every fault fired" every_fault_fired
  need clang++-19 "sim asan" || return
  export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1
  export UBSAN_OPTIONS=print_stacktrace=1
  build asan spider_program || return
  step "sim asan" build/asan/spider sim --seeds 200 --seed 100001
  step "sim same log" same_log release asan
}
every_fault_fired() {
  local faults
  faults=$(sed 's/.*"faults"://' build/logs/sim.json)
  echo "$faults"
  [[ -n $faults && ! $faults =~ :0[,}] ]]
}
same_log() {
  local preset hashes=()
  for preset in "$@"; do
    hashes+=("$("build/$preset/spider" sim --seeds 20 --twice-each 0 | grep '^log ')")
    echo "$preset: ${hashes[-1]}"
  done
  [[ -n ${hashes[0]} && ${hashes[0]} == "${hashes[1]}" ]]
}
