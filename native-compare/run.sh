#!/usr/bin/env bash
# FastMmu beside the same work in C++. usage: native-compare/run.sh [--quick] [--json FILE] [--workload NAME]...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

have() { command -v "$1" >/dev/null; }

library=()
if have cmake && { have make || have ninja; } && { have c++ || have g++ || have clang++; }; then
  built=$(cmake -S "$here" -B "$here/build" -DCMAKE_BUILD_TYPE=Release 2>&1 && cmake --build "$here/build" --config Release 2>&1) ||
    { echo "$built" >&2; exit 1; }
  library=(--library "$(find "$here/build" -maxdepth 2 -name 'libnative_compare.*' | head -n 1)")
  kernel=$(find "$here/build" -maxdepth 2 -type f -name kernel_calls | head -n 1)
  [ -z "$kernel" ] || library+=(--kernel "$kernel")
else
  echo "native-compare: no cmake and C++ compiler here, so the C++ sides and the limit are skipped."
fi

built=$(dotnet build "$here/NativeCompare.csproj" -c Release -v q --nologo 2>&1) || { echo "$built" >&2; exit 1; }
exec dotnet "$here/bin/Release/net10.0/NativeCompare.dll" "${library[@]}" "$@"
