#!/usr/bin/env bash
# FastMmu beside the same work in C++. usage: native-compare/run.sh [--quick] [--json FILE] [--workload NAME]...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

have() { command -v "$1" >/dev/null; }

library=()
if have cmake && { have make || have ninja; } && { have c++ || have g++ || have clang++; }; then
  cmake -S "$here" -B "$here/build" -DCMAKE_BUILD_TYPE=Release >/dev/null
  cmake --build "$here/build" --config Release >/dev/null
  library=(--library "$(find "$here/build" -maxdepth 2 -name 'libnative_compare.*' | head -n 1)")
else
  echo "native-compare: no cmake and C++ compiler here, so the C++ sides and the limit are skipped."
fi

dotnet build "$here/NativeCompare.csproj" -c Release -v q --nologo
exec dotnet "$here/bin/Release/net10.0/NativeCompare.dll" "${library[@]}" "$@"
