#!/usr/bin/env bash
# Trains the same small models on one GPU with seqlab, PyTorch and JAX, and prints seed-steps per second.
# Usage: benches/cuda.sh [PYTHON], one that has torch and jax with CUDA. A peer that fails or takes too long has no figure.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python3} seqlab=${SEQLAB:-$root/target/release/seqlab}
large=(--batch 512) small=(--d-model 32 --heads 1 --mlp 0 --batch 128)

rate() { # NAME COMMAND...
  local name=$1; shift
  local line errors; errors=$(mktemp)
  line=$(timeout 90 "$@" 2> "$errors" | tail -n 1)
  "$python" - "$name" "$line" "$(tail -n 1 "$errors")" << 'END'
import json, sys
name, line, error = sys.argv[1:]
try:
    print(f"{name:64} {json.loads(line)['steps_per_s']:12,.0f}", flush=True)
except ValueError:
    print(f"{name:64} {'-':>12}  {error or 'out of time'}", flush=True)
END
  rm -f "$errors"
}

both() { # NAME STEPS STEPS-OF-THE-SMALL COMMAND...
  local name=$1 slow=$2 fast=$3; shift 3
  rate "d 64, 4 heads, MLP 256, batch 512: $name" "$@" --steps "$slow" "${large[@]}"
  rate "d 32, 1 head, no MLP, batch 128: $name" "$@" --steps "$fast" "${small[@]}"
}

if ! nvidia-smi --query-gpu=name,driver_version --format=csv,noheader; then
  echo 'There is nothing to measure: this takes an NVIDIA GPU and its driver, which nvidia-smi shows.' >&2
  exit 1
fi
for seeds in 132 16 1; do
  both "seqlab, $seeds seeds" 100 500 "$seqlab" --quiet bench train --device cuda --seeds "$seeds"
done
both 'JAX vmap and scan, 132 seeds' 48 160 "$python" "$root/benches/train_jax.py" --seeds 132
both 'PyTorch vmap, 132 seeds' 20 50 "$python" "$root/benches/train.py" --device cuda --mode vmap --seeds 132
both 'JAX scan, 1 seed' 320 800 "$python" "$root/benches/train_jax.py"
both 'PyTorch in CUDA graphs, 1 seed' 200 400 "$python" "$root/benches/train.py" --device cuda --mode graphs
both 'PyTorch, 1 seed' 100 200 "$python" "$root/benches/train.py" --device cuda --mode eager
