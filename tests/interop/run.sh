#!/usr/bin/env bash
# Loads what seqlab writes in the tools that people use. Usage: tests/interop/run.sh VENV
# Installs them in VENV (PyTorch among them: some hundred MB the first time) and works in an empty folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$(mkdir -p "$1" && cd "$1" && pwd)
seqlab=$root/target/release/seqlab
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# TransformerLens 3.9 is the last with HookedTransformer; 4.x has the bridge. They cannot share an environment.
environment() { # NAME PACKAGE...
  local name=$1; shift
  [ -e "$venv/$name/.done" ] && return
  python3 -m venv "$venv/$name"
  "$venv/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
  touch "$venv/$name/.done"
}
environment tables duckdb pandas polars pyarrow datasets
environment lens3 'transformer-lens==3.9.*' safetensors pyarrow
environment lens4 'transformer-lens>=4' safetensors pyarrow

cd "$work"
"$seqlab" run --quiet "$root/pipelines/x2.yaml" --set train.seeds=2 --set train.steps=60
mkdir leaky
(cd leaky && "$seqlab" run --quiet "$root/pipelines/x2.yaml" data --set data.holdout.level=random)
"$venv/tables/bin/python" "$root/tests/interop/tables.py" "$work" "$work/leaky/datasets/x2"
for lens in lens3 lens4; do
  "$venv/$lens/bin/python" "$root/tests/interop/transformer_lens_check.py" "$work" x2
done
