#!/usr/bin/env bash
# Builds ten million rows with seqlab, writes the same columns with numpy and pyarrow, in turns, and prints the ratio.
# Usage: benches/build.sh VENV [TURNS]. Installs numpy and pyarrow in VENV and works in an empty folder beside it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$(mkdir -p "$1" && cd "$1" && pwd)
turns=${2:-3}
rows=10000000
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import numpy, pyarrow' 2> /dev/null || "$venv/bin/pip" install --quiet numpy pyarrow
work=$(mktemp -d "$venv.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

TIMEFORMAT='%R %U %S'
measure() { # NAME COMMAND...: prints seconds on the wall and of the processors
  local name=$1; shift
  local took; took=$( { time "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; } 2>&1 | tail -1)
  awk -v name="$name" '{ printf "%s %.1f %.1f\n", name, $1, $2 + $3 }' <<< "$took"
}
for ((turn = 0; turn < turns; turn++)); do
  rm -rf datasets results peer.parquet
  measure seqlab "$root/target/release/seqlab" run --quiet "$root/benches/build.yaml"
  rm -rf datasets results
  measure numpy+pyarrow "$venv/bin/python" "$root/benches/build.py" "$rows" peer.parquet
done | tee turns | awk -v rows="$rows" '
  { printf "  %-14s %6.1f s, %6.1f s of processor time\n", $1, $2, $3; fflush() }
  { wall[$1] += $2; work[$1] += $3 }
  END {
    printf "build of %d rows: %.2f times the wall time, %.2f times the processor time of numpy and pyarrow\n",
      rows, wall["seqlab"] / wall["numpy+pyarrow"], work["seqlab"] / work["numpy+pyarrow"]
  }'
