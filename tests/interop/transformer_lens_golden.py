"""Makes tests/interop/golden/*.safetensors: random small models with the logits that TransformerLens 3.9 gives them.

Each file holds the weights under TransformerLens' own names, `tokens` [batch, pos], `logits` [batch, pos, d_vocab],
and the configuration as JSON in its metadata. Usage: transformer_lens_golden.py (in an environment with
transformer-lens==3.9.*); the test is crates/transformer/tests/transformer_lens.rs.
"""

import json
import pathlib
import random

import torch
from safetensors.torch import save_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = pathlib.Path(__file__).parent / "golden"
folder.mkdir(exist_ok=True)
choose = random.Random(0)

for index in range(20):
    torch.manual_seed(index)
    n_heads = choose.choice([1, 2, 3])
    d_head = choose.choice([3, 4, 5])
    attn_only = choose.random() < 0.25
    config = dict(
        n_layers=choose.choice([0, 1, 1, 2, 2, 3]),
        d_model=choose.choice([6, 8, 12]),
        n_ctx=choose.choice([5, 7, 9]),
        d_head=d_head,
        n_heads=n_heads,
        d_mlp=0 if attn_only else choose.choice([8, 10]),
        d_vocab=choose.choice([7, 11]),
        act_fn=["gelu", "gelu_new", "relu"][index % 3],
        normalization_type=["LN", "LNPre", None][index // 3 % 3],
        positional_embedding_type="standard",
        attn_only=attn_only,
        eps=1e-5,
    )
    lens = HookedTransformerConfig(**(config | {"d_mlp": config["d_mlp"] or None}), device="cpu", seed=index)
    model = HookedTransformer(lens)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    tokens = torch.randint(0, config["d_vocab"], (2, config["n_ctx"]))
    with torch.no_grad():
        logits = model(tokens)
    weights = {name: value for name, value in model.state_dict().items() if not name.endswith((".mask", ".IGNORE"))}
    tensors = weights | {"tokens": tokens.to(torch.int64), "logits": logits}
    tensors = {name: value.contiguous().clone() for name, value in tensors.items()}
    save_file(tensors, folder / f"{index:02}.safetensors", metadata={"config": json.dumps(config)})
