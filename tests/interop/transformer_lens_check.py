"""Loads our checkpoints in TransformerLens, 3.9 or 4.x, and compares what both say about the test rows.

For every seed's last checkpoint, the log-probability of each test row's answer span is computed from TransformerLens'
logits and compared with `predictions.parquet`, which our own forward pass wrote: within 1e-4 absolute or 1e-5
relative. Usage: transformer_lens_check.py FOLDER_WITH_DATASETS_AND_RESULTS PIPELINE
"""

import importlib.metadata
import json
import sys

import pyarrow.parquet
import torch
from safetensors.torch import load_file

base, name = sys.argv[1:]
train, evaluate, data = f"{base}/results/{name}/train", f"{base}/results/{name}/evaluate", f"{base}/datasets/{name}"
config = json.load(open(f"{train}/model.json"))
config["d_mlp"] = config["d_mlp"] or None
version = importlib.metadata.version("transformer-lens")


def load(path):
    weights = load_file(path)
    if version.startswith("3."):
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        model = HookedTransformer(HookedTransformerConfig(**config, device="cpu"))
        missing, unexpected = model.load_state_dict(weights, strict=False)
        assert not unexpected and all(key.endswith((".mask", ".IGNORE")) for key in missing), (missing, unexpected)
        return model
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge import TransformerBridge
    from transformer_lens.utilities.tl_checkpoint_conversion import convert_tl_checkpoint

    lens = TransformerBridgeConfig(**config, device="cpu")
    model = TransformerBridge.boot_native(lens)
    model.load_state_dict(convert_tl_checkpoint(weights, lens))
    return model


examples = {row["example_id"]: row for row in pyarrow.parquet.read_table(f"{data}/test-00000-of-00001.parquet").to_pylist()}
predictions = pyarrow.parquet.read_table(f"{evaluate}/predictions.parquet").to_pylist()
checkpoints = pyarrow.parquet.read_table(f"{train}/checkpoints.parquet").to_pylist()
kinds = {row["kind"]: row["token_id"] for row in pyarrow.parquet.read_table(f"{data}/vocabulary.parquet").to_pylist()}
end, separator = kinds["end"], kinds["separator"]  # both end a value
worst, compared = 0.0, 0
for seed in sorted({row["seed"] for row in checkpoints}):
    last = max((row for row in checkpoints if row["seed"] == seed), key=lambda row: row["step"])
    model = load(f"{train}/{last['path']}")
    rows = [row for row in predictions if row["seed"] == seed and row["split"] == "test"]
    for length in sorted({len(examples[row["example_id"]]["tokens"]) for row in rows}):
        batch = [row for row in rows if len(examples[row["example_id"]]["tokens"]) == length]
        tokens = torch.tensor([examples[row["example_id"]]["tokens"] for row in batch], dtype=torch.int64)
        with torch.no_grad():
            log_probabilities = model(tokens[:, :-1]).double().log_softmax(-1)  # [batch, pos, d_vocab]
        for index, row in enumerate(batch):
            example = examples[row["example_id"]]
            span = range(example["answer_start"], example["answer_start"] + example["answer_length"])
            right = lambda at: [tokens[index, at].item(), *([separator] if tokens[index, at] == end else [])]
            expected = sum(log_probabilities[index, at - 1, right(at)].logsumexp(0).item() for at in span)
            found = row["log_probability"]
            difference = abs(found - expected)
            assert difference <= max(1e-4, 1e-5 * abs(expected)), (seed, row["example_id"], found, expected)
            worst, compared = max(worst, difference), compared + 1
assert compared > 0
print(f"TransformerLens {version}: {compared} answers, largest difference in log-probability {worst:.1e}")
