#!/usr/bin/env bash
# Records what this machine does: bench/results/NAME/ receives the environment, native-compare's results and BenchmarkDotNet's reports.
# usage: bench/record.sh NAME [--quick]   (six minutes with --quick, else a quarter of an hour). Nothing else should run meanwhile; where that
# cannot be had, `chrt -f 5 bench/record.sh ...` measures with real-time priority.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=${1:?usage: bench/record.sh NAME [--quick]}
quick=${2:-}
case $quick in '' | --quick) ;; *) echo "usage: bench/record.sh NAME [--quick]" >&2; exit 2 ;; esac
results=bench/results/$name
artifacts=$(mktemp -d)
trap 'rm -rf "$artifacts"' EXIT
mkdir -p "$results"

describe() {
  echo "commit       $(git describe --always --dirty)"
  echo "command      bench/record.sh $name $quick"
  echo "date         $(date -u +%F)"
  lscpu | grep -E '^ *(Model name|CPU family|Model|Stepping|CPU\(s\)|Thread\(s\) per core|L1d cache|L2 cache|L3 cache|Hypervisor vendor):' |
    sed -E 's/^ *([^:]*): +(.*)$/\1|\2/' | awk -F'|' '{ printf "%-20s %s\n", $1, $2 }'
  echo "memory       $(awk '/MemTotal/ { printf "%d GiB", $2 / 1048576 }' /proc/meminfo), transparent huge pages $(grep -o '\[.*\]' /sys/kernel/mm/transparent_hugepage/enabled)"
  echo "kernel       $(uname -sr)"
  echo ".NET         $(dotnet --version) SDK, $(dotnet --list-runtimes | awk '/Microsoft.NETCore.App/ { v = $2 } END { print v }') runtime"
  echo "C++          $(c++ --version | head -n 1)"
  echo "load before  $(cut -d ' ' -f 1-3 /proc/loadavg)"
}
describe > "$results/environment.txt"

native-compare/run.sh $quick --json "$results/native-compare.json" | tee "$results/native-compare.txt"
for kernel in avx512 avx2 scalar; do
  FASTMMU_KERNEL=$kernel native-compare/run.sh --quick --workload seq --workload rand32 --workload rand4k --workload rand256k > "$results/native-compare-$kernel.txt"
done
dotnet run -c Release --project bench/FastMmu.Bench -- ${quick:+--short} --filter '*' --artifacts "$artifacts"
echo "load after   $(cut -d ' ' -f 1-3 /proc/loadavg)" >> "$results/environment.txt"
cp "$artifacts"/results/*-report-github.md "$results"
