#!/usr/bin/env bash
# Trains the same small models with seqlab, PyTorch and JAX, in turns, and prints their rates and the ratio to the better peer.
# Usage: benches/train.sh VENV [TURNS]. Installs PyTorch and JAX in VENV.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$1 turns=${2:-3}
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import torch, jax' 2> /dev/null || "$venv/bin/pip" install --quiet numpy torch jax

race() { # NAME STEPS-OF-THE-PEERS STEPS FLAGS...: all with 16 seeds
  local name=$1 slow=$2 fast=$3; shift 3
  for ((turn = 0; turn < turns; turn++)); do
    "$root/target/release/seqlab" --quiet bench train --seeds 16 --steps "$fast" "$@"
    "$venv/bin/python" "$root/benches/train.py" --seeds 16 --steps "$slow" "$@"
    "$venv/bin/python" "$root/benches/train_jax.py" --mode processes --seeds 16 --steps "$slow" "$@"
  done | "$venv/bin/python" -c '
import json, statistics, sys
rates = {}
for line in sys.stdin:
    run = json.loads(line)
    rates.setdefault(run["framework"], []).append(run["steps_per_s"])
ours, torch, jax = (statistics.median(rates[name]) for name in ["seqlab", "pytorch", "jax"])
print(f"{sys.argv[1]:32} seqlab {ours:8.1f}, PyTorch {torch:7.1f}, JAX {jax:7.1f} seed-steps/s: {ours / max(torch, jax):.2f} times")' "$name"
}

race 'd 64, 4 heads, MLP 256' 30 60
race 'd 32, 1 head, no MLP' 200 800 --d-model 32 --heads 1 --mlp 0 --batch 128
race '2 layers, d 128, MLP 512' 5 15 --layers 2 --d-model 128 --mlp 512
race 'd 128, 1 head, no MLP, ctx 12' 60 150 --d-model 128 --heads 1 --mlp 0 --ctx 12 --batch 128
race 'no LayerNorm, ctx 32' 8 20 --ln 0 --ctx 32 --batch 256
