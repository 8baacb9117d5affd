#!/usr/bin/env bash
# Trains the same small models with seqlab, PyTorch and JAX, in turns; prints their rates, the ratio to the better peer, and how
# close seqlab comes to the peak of the machine.
# Usage: benches/train.sh VENV [TURNS [avx2]]. Installs PyTorch and JAX in VENV. With avx2 all are held to it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$1 turns=${2:-3}
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import torch, jax' 2> /dev/null || "$venv/bin/pip" install --quiet numpy torch jax
if [[ ${3:-} == avx2 ]]; then
  export SEQLAB_MAX_ISA=avx2 XLA_FLAGS=--xla_cpu_max_isa=AVX2
  export ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2
fi

race() { # NAME SEEDS STEPS-OF-THE-PEERS STEPS FLAGS...
  local name=$1 seeds=$2 slow=$3 fast=$4; shift 4
  local torch=processes jax=processes
  ((seeds > 1)) || torch='eager compile' jax=vmap
  for ((turn = 0; turn < turns; turn++)); do
    "$root/target/release/seqlab" --quiet bench peak
    "$root/target/release/seqlab" --quiet bench train --seeds "$seeds" --steps "$fast" "$@"
    for mode in $torch; do
      "$venv/bin/python" "$root/benches/train.py" --mode "$mode" --seeds "$seeds" --steps "$slow" "$@"
    done
    "$venv/bin/python" "$root/benches/train_jax.py" --mode $jax --seeds "$seeds" --steps "$slow" "$@"
  done | "$venv/bin/python" -c '
import json, statistics, sys
rates, flops = {}, {}
for line in sys.stdin:
    run = json.loads(line)
    if "gflops_per_core" in run:
        flops.setdefault(run["mode"], []).append(run["gflops_per_core"])
    if "steps_per_s" in run:
        rates.setdefault((run["framework"], run["mode"]), []).append(run["steps_per_s"])
best = {}
for (framework, mode), found in rates.items():
    best[framework] = max(best.get(framework, 0), statistics.median(found))
ours, torch, jax = (best[framework] for framework in ["seqlab", "pytorch", "jax"])
done, peak = (statistics.median(flops[mode]) for mode in ["fused", "peak"])
print(f"{sys.argv[1]:32} seqlab {ours:8.1f}, PyTorch {torch:7.1f}, JAX {jax:7.1f} seed-steps/s: {ours / max(torch, jax):.2f} times;"
      f" {done:.0f} of {peak:.0f} GFLOP/s a core: {done / peak:.0%}")' "$name"
}

race 'd 64, 4 heads, MLP 256' 16 32 60
race 'd 32, 1 head, no MLP' 16 208 800 --d-model 32 --heads 1 --mlp 0 --batch 128
race '2 layers, d 128, MLP 512' 16 16 15 --layers 2 --d-model 128 --mlp 512
race 'd 128, 1 head, no MLP, ctx 12' 16 64 150 --d-model 128 --heads 1 --mlp 0 --ctx 12 --batch 128
race 'no LayerNorm, ctx 32' 16 16 20 --ln 0 --ctx 32 --batch 256
race 'MLP 512 relu, no LayerNorm' 16 32 40 --ln 0 --mlp 512 --act relu
race 'the first, one seed' 1 160 400
