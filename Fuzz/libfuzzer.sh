#!/usr/bin/env bash
# Fuzzes with the feedback of the code's own branches (libFuzzer) under AddressSanitizer, each target from its corpus.
#
#   Fuzz/libfuzzer.sh MINUTES [target...]        so long for each target, all unless some are named, two at once
#   Fuzz/libfuzzer.sh corpus [target...]         only every input of the corpus, once: seconds
#   Fuzz/libfuzzer.sh minimise [target...]       the corpus anew: few and short inputs that reach every branch that is reached
#
# A finding ends with 1 and leaves the input under .build/fuzz/findings. What a run adds stays under .build/fuzz/corpus until `minimise`
# takes it over. `nice -n 19` in front does no harm.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=(head url chunks connection json toml base64url phc jwt cursor frame page backup)
work=$PWD/.build/fuzz
export USERD_LIBFUZZER=1 SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}

fail() { printf 'libfuzzer: %s\n' "$*" >&2; exit 64; }
[ $# -ge 1 ] || fail "usage: Fuzz/libfuzzer.sh MINUTES|corpus|minimise [target...]"
what=$1
shift
[ $# -eq 0 ] || targets=("$@")
for target in "${targets[@]}"; do [ -d "Fuzz/corpus/$target" ] || fail "there is no Fuzz/corpus/$target"; done
case $what in corpus | minimise) ;; *) [ "$what" -ge 1 ] 2> /dev/null || fail "$what is no number of minutes" ;; esac

swift build -c release --scratch-path "$work" --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing --product userd-libfuzzer
fuzzer=$work/release/userd-libfuzzer
mkdir -p "$work/findings"

# 4 KiB are enough for two requests, and short inputs are tried more often. The time limit is one of the wall: a busy machine is no finding.
run() { # TARGET ARGUMENTS...
  local target=$1
  shift
  mkdir -p "$work/corpus/$target"
  USERD_FUZZ_TARGET=$target "$fuzzer" -artifact_prefix="$work/findings/$target-" -max_len=4096 -timeout=300 \
    -dict=Fuzz/corpus/http.dict "$@"
}

one() { # TARGET SECONDS
  local log=$work/$1.log
  if run "$1" -max_total_time="$2" -print_final_stats=1 "$work/corpus/$1" "Fuzz/corpus/$1" > "$log" 2>&1; then
    printf '%-10s %s executions, %s, no finding\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)"
  else
    printf '%-10s FINDING, see %s\n' "$1" "$log"
    tail -n 20 "$log"
    return 1
  fi
}

case $what in
corpus)
  for target in "${targets[@]}"; do
    run "$target" -runs=0 "Fuzz/corpus/$target" > "$work/$target.log" 2>&1 || { tail -n 20 "$work/$target.log"; exit 1; }
    # Without instrumentation it would run all the same, and see nothing.
    grep -q 'INFO: Loaded 1 modules' "$work/$target.log" || fail "$target runs without feedback"
    printf '%-10s %s inputs, no finding\n' "$target" "$(find "Fuzz/corpus/$target" -type f | wc -l)"
  done
  ;;
minimise)
  for target in "${targets[@]}"; do
    rm -rf "$work/minimal"
    mkdir -p "$work/minimal" "$work/corpus/$target"
    run "$target" -set_cover_merge=1 -use_counters=0 -max_len=1024 "$work/minimal" "Fuzz/corpus/$target" "$work/corpus/$target" > "$work/$target.log" 2>&1
    rm -rf "Fuzz/corpus/$target" "$work/corpus/$target"
    mv "$work/minimal" "Fuzz/corpus/$target"
    printf '%-10s %s inputs\n' "$target" "$(find "Fuzz/corpus/$target" -type f | wc -l)"
  done
  ;;
*)
  running=()
  status=0
  for target in "${targets[@]}"; do
    one "$target" $((what * 60)) &
    running+=($!)
    if [ ${#running[@]} -eq 2 ]; then
      wait "${running[0]}" || status=1
      running=("${running[1]}")
    fi
  done
  for process in "${running[@]}"; do wait "$process" || status=1; done
  exit $status
  ;;
esac
