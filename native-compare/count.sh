#!/usr/bin/env bash
# Instructions and loads a translation of the C++ sides. usage: native-compare/count.sh
# First columns: counted one by one on this processor, with all vectors that it has. Last two: callgrind's, which knows no AVX-512; there
# cpp-batch is its reading of one lane at a time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build="$here/build/count"
mkdir -p "$build"
sources=("$here"/cpp/{count,batch,qemu_style,walk}.cpp)
compile() { "${CXX:-c++}" -std=c++17 -O3 -Wno-uninitialized -Wno-maybe-uninitialized "$@"; }
compile -march=native -o "$build/native" "${sources[@]}"
compile -march=x86-64-v3 -o "$build/v3" "${sources[@]}"
callgrind=no
command -v valgrind >/dev/null && callgrind=yes || echo "count: no valgrind here, so callgrind's columns are empty."

printf '%-12s %-12s %14s %22s %14s\n' workload side instructions 'callgrind instructions' loads
for workload in seq rand32 rand512 rand4k rand256k faults1pct; do
  for side in qemu-style walk batch; do
    counted=""
    if [ $callgrind = yes ]; then
      counted=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --cache-sim=yes --toggle-collect=measured "$build/v3" "$side" "$workload" 2>&1 |
        awk '/Collected :/ { printf "%.2f %.2f", $4 / 2048, $5 / 2048 }')
    fi
    read -r instructions loads <<<"$counted" || true
    printf '%-12s %-12s %14s %22s %14s\n' "$workload" "$side" "$("$build/native" --step "$side" "$workload")" "${instructions:-}" "${loads:-}"
  done
done
