#!/usr/bin/env bash
# Times the auditor beside DuckDB: benches/audit.sh [TRAIN_ROWS HELD_OUT_ROWS ROUNDS]
# Ten million rows of train and five hundred thousand held-out ones by default, with values to 20,000 and with values to
# six million; DuckDB and the data go to target/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
train=${1:-10000000} held=${2:-500000} rounds=${3:-5}
venv=target/bench/venv folders=()
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import duckdb, numpy, pyarrow' 2>/dev/null \
  || "$venv/bin/pip" install --quiet duckdb numpy pyarrow
for values in 20000 6000000; do
  data=target/bench/audit-$values-$train-$held
  [[ -e $data/definition.parquet && -e $data/vocabulary.parquet ]] \
    || "$venv/bin/python" benches/audit/data.py "$data" "$values" "$train" "$held"
  folders+=("$data")
done
"$venv/bin/python" benches/audit/bench.py target/release/seqlab "$rounds" "${folders[@]}"
