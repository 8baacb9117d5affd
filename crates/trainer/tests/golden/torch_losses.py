"""Writes torch_losses.json: losses of a few small models that PyTorch trains from given weights on given tokens.

Usage: torch_losses.py (with torch). The test is `losses_follow_those_of_pytorch_from_the_same_weights` in
crates/trainer/src/tests.rs, which makes the same weights and tokens from the same formulas.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

STEPS, ROWS, LENGTH, VOCAB = 25, 12, 7, 11


def parameters(c):
    """Names and shapes in the order of the forward pass (TransformerLens' names)."""
    d, heads, width, affine = c["d_model"], c["n_heads"], c["d_head"], c["normalization_type"] == "LN"
    yield "embed.W_E", (VOCAB, d)
    yield "pos_embed.W_pos", (c["n_ctx"], d)
    for layer in range(c["n_layers"]):
        at = f"blocks.{layer}."
        if affine:
            yield at + "ln1.w", (d,)
            yield at + "ln1.b", (d,)
        for part in "QKV":
            yield at + f"attn.W_{part}", (heads, d, width)
            yield at + f"attn.b_{part}", (heads, width)
        yield at + "attn.W_O", (heads, width, d)
        yield at + "attn.b_O", (d,)
        if not c["attn_only"]:
            if affine:
                yield at + "ln2.w", (d,)
                yield at + "ln2.b", (d,)
            yield at + "mlp.W_in", (d, c["d_mlp"])
            yield at + "mlp.b_in", (c["d_mlp"],)
            yield at + "mlp.W_out", (c["d_mlp"], d)
            yield at + "mlp.b_out", (d,)
    if affine:
        yield "ln_final.w", (d,)
        yield "ln_final.b", (d,)
    yield "unembed.W_U", (d, VOCAB)
    yield "unembed.b_U", (VOCAB,)


def wave(c):
    weights = {}
    for i, (name, shape) in enumerate(parameters(c)):
        base = 1.0 if name.endswith(".w") else 0.0
        values = [base + 0.2 * math.sin((i * 31 + j) * 0.7) for j in range(math.prod(shape))]
        weights[name] = torch.tensor(values, dtype=torch.float32).reshape(shape).requires_grad_()
    return weights


def logits(c, w, tokens):
    def norm(x, at):
        if c["normalization_type"] is None:
            return x
        return F.layer_norm(x, x.shape[-1:], w.get(at + ".w"), w.get(at + ".b"), c["eps"])

    act = {"gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh"), "relu": F.relu}[c["act_fn"]]
    pos = tokens.shape[1]
    mask = torch.full((pos, pos), -math.inf).triu(1)
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"][:pos]
    for layer in range(c["n_layers"]):
        at = f"blocks.{layer}."
        u = norm(x, at + "ln1")
        q, k, v = (torch.einsum("bpd,hde->bhpe", u, w[at + f"attn.W_{n}"]) + w[at + f"attn.b_{n}"][:, None] for n in "QKV")
        pattern = (q @ k.transpose(-1, -2) / math.sqrt(c["d_head"]) + mask).softmax(-1)
        x = x + torch.einsum("bhpe,hed->bpd", pattern @ v, w[at + "attn.W_O"]) + w[at + "attn.b_O"]
        if not c["attn_only"]:
            u = norm(x, at + "ln2")
            x = x + act(u @ w[at + "mlp.W_in"] + w[at + "mlp.b_in"]) @ w[at + "mlp.W_out"] + w[at + "mlp.b_out"]
    return norm(x, "ln_final") @ w["unembed.W_U"] + w["unembed.b_U"]


def rate(o, step):
    if step <= o["warmup"]:
        return o["learning_rate"] * step / o["warmup"]
    if o["schedule"] == "constant":
        return o["learning_rate"]
    return o["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (step - 1 - o["warmup"]) / (STEPS - o["warmup"])))


def train(c, o, loss):
    w = wave(c)
    betas = (o["beta1"], o["beta2"])
    groups = [
        {"params": [x for name, x in w.items() if ".W_" in name], "weight_decay": o["weight_decay"]},
        {"params": [x for name, x in w.items() if ".W_" not in name], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=o["learning_rate"], betas=betas, eps=o["eps"])
    losses = []
    for step in range(STEPS):
        rows = [[(r * 7 + p * p * 3 + step * 5) % VOCAB for p in range(LENGTH)] for r in range(ROWS)]
        tokens = torch.tensor(rows)
        first = {"all": 1, "answer": 5}[loss] if isinstance(loss, str) else loss["span"]["from"]
        said = logits(c, w, tokens[:, :-1])[:, first - 1 :]
        value = F.cross_entropy(said.reshape(-1, VOCAB), tokens[:, first:].reshape(-1))
        optimizer.zero_grad()
        value.backward()
        if o["clip"] is not None:
            torch.nn.utils.clip_grad_norm_(w.values(), o["clip"])
        for group in optimizer.param_groups:
            group["lr"] = rate(o, step + 1)
        optimizer.step()
        losses.append(value.item())
    weight_norm = math.sqrt(sum((x.detach().double() ** 2).sum().item() for x in w.values()))
    return losses, weight_norm


SHAPE = dict(n_layers=1, d_model=8, n_ctx=6, d_head=4, n_heads=2, d_mlp=16, d_vocab=VOCAB, act_fn="gelu_new",
             normalization_type="LN", attn_only=False, eps=1e-5)
ADAMW = dict(learning_rate=3e-3, weight_decay=0.1, beta1=0.9, beta2=0.999, eps=1e-8, warmup=0, schedule="constant", clip=None)
# b_K has a gradient of zero but for rounding, which AdamW turns into whole steps unless eps is larger than it.
CASES = [
    (SHAPE, ADAMW | dict(eps=1e-5), "all"),
    (SHAPE, ADAMW | dict(eps=1e-5), "answer"),
    (SHAPE | dict(n_layers=2, act_fn="relu", normalization_type=None), ADAMW | dict(clip=0.5), "all"),
    (SHAPE | dict(act_fn="gelu", normalization_type="LNPre", d_head=3), ADAMW | dict(warmup=5, schedule="cosine"), "answer"),
    (SHAPE | dict(n_layers=2, attn_only=True, d_mlp=0), ADAMW | dict(beta2=0.95, weight_decay=1.0), {"span": {"from": 3}}),
    (SHAPE | dict(n_layers=0), ADAMW, "all"),
]
torch.set_num_threads(1)
found = []
for shape, optimizer, loss in CASES:
    losses, weight_norm = train(shape, optimizer, loss)
    found.append(dict(shape=shape, optimizer=optimizer, loss=loss, losses=losses, weight_norm=weight_norm))
(pathlib.Path(__file__).parent / "torch_losses.json").write_text(json.dumps(found, indent=1) + "\n")
