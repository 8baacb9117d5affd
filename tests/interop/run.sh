#!/usr/bin/env bash
# Loads what seqlab writes in the tools that people use. Usage: tests/interop/run.sh VENV
# Installs them in VENV (PyTorch among them: some hundred MB the first time) and works in an empty folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv=$(mkdir -p "$1" && cd "$1" && pwd)
seqlab=$root/target/release/seqlab
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Pages are opened in Chromium, by axe-core and puppeteer from npm.
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
for tool in node npm "${chromium:-chromium}"; do
  command -v "$tool" > /dev/null || { echo "Missing: $tool, to open the report's pages (Debian: apt-get install nodejs npm chromium)."; exit 1; }
done

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
if [ ! -e "$venv/pages/.done" ]; then
  mkdir -p "$venv/pages"
  npm install --silent --no-audit --no-fund --prefix "$venv/pages" axe-core@4 puppeteer-core@24
  touch "$venv/pages/.done"
fi

cd "$work"
mkdir -p pipelines leaky/pipelines
sed 's/seeds: 8/seeds: 2/; s/steps: 300/steps: 60/' "$root/pipelines/x2.yaml" > pipelines/x2.yaml
"$seqlab" run --quiet pipelines/x2.yaml
(cd leaky && sed "s/level: transition/level: random/" ../pipelines/x2.yaml > pipelines/x2.yaml && "$seqlab" run --quiet pipelines/x2.yaml data)
cat > pipelines/two_axes.yaml <<'END'
name: two_axes
matrix: { k: [2, 3], loss: [answer, all] }
stages:
  data:
    build:
      seed: "${matrix.k}"
      tasks:
        x2: { family: { geometric: { ratio: 2 } }, start: { min: 1, max: 599 }, terms: 4, notation: { digits: { width: 4, order: least_first } } }
      holdout: { level: transition, test: 0.10, validation: 0.05 }
  audit: { audit: { data: data } }
  train: { train: { data: data, model: { n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 16 }, loss: "${matrix.loss}", seeds: 1, steps: 20, batch: 16 } }
  evaluate: { evaluate: { data: data, audit: audit, model: train } }
  only: { run: { command: [cp, "{inputs.scores}/scores.parquet", "{out}"], inputs: { scores: evaluate }, outputs: [scores.parquet] } }
END
"$seqlab" run --quiet pipelines/two_axes.yaml
"$venv/tables/bin/python" "$root/tests/interop/tables.py" "$work" "$work/leaky/datasets/x2"
mkdir foreign
"$venv/tables/bin/python" "$root/tests/interop/audit.py" "$seqlab" "$work/foreign"
for lens in lens3 lens4; do
  "$venv/$lens/bin/python" "$root/tests/interop/transformer_lens_check.py" "$work" x2
done
# Pages with one task, with several, with a number of terms, and of a matrix; made-up ones for what takes long to train.
for pipeline in mixed fibonacci leakage_ladder; do
  sed -E 's/seeds: [0-9]+/seeds: 2/; s/steps: [0-9]+$/steps: 60/' "$root/pipelines/$pipeline.yaml" > "pipelines/$pipeline.yaml"
  "$seqlab" run --quiet "pipelines/$pipeline.yaml"
done
mkdir made-up
(cd "$root" && cargo run --quiet --release --locked -p report --example synthetic -- "$work/made-up")
(cd "$venv/pages" && node "$root/tests/interop/page.mjs" "$chromium" "$work"/results/{x2,mixed,fibonacci,leakage_ladder}/report/index.html "$work"/made-up/{plus2,sweep,table,grokking}.html)
