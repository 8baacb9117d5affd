"""Writes torch_losses.json: losses of small models that PyTorch trains in f64 from given weights on given tokens.

Usage: torch_losses.py (with torch). The test is `losses_follow_those_of_pytorch_from_the_same_weights` in
crates/trainer/src/tests/golden.rs, which makes the same weights and tokens from the same formulas. `f32_is_off_by` is
the largest difference of a loss when PyTorch itself trains in f32.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

STEPS, ROWS, LENGTH, VOCAB = 500, 12, 7, 11


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


def hashed(x):
    """A number from -1 to 1 that follows from x (Wellons' lowbias32)."""
    x = x * 0x9E3779B9 % 2**32
    x = (x ^ x >> 16) * 0x21F0AAAD % 2**32
    x = (x ^ x >> 15) * 0x735A2D97 % 2**32
    return (x ^ x >> 15) / 2**31 - 1.0


def scattered(c, dtype):
    """No smooth formula: gradients that are zero but for rounding are what Adam makes whole steps of."""
    weights = {}
    for i, (name, shape) in enumerate(parameters(c)):
        base = 1.0 if name.endswith(".w") else 0.0
        values = [base + 0.2 * hashed(1000 * i + j) for j in range(math.prod(shape))]
        # Both widths begin at the same weights, those of f32.
        weights[name] = torch.tensor(values, dtype=torch.float32).to(dtype).reshape(shape).requires_grad_()
    return weights


def rows(step, ragged):
    """Tokens of a batch; where rows are ragged, they have 7, 6 and 5 tokens in turn. The answer is the last two."""
    lengths = [LENGTH - r % 3 if ragged else LENGTH for r in range(ROWS)]
    return [[(r * 7 + p * p * 3 + step * 5) % VOCAB for p in range(length)] for r, length in enumerate(lengths)]


def padded(rows, loss):
    """Inputs, and targets with -100 where nothing is scored."""
    tokens, targets = torch.zeros(ROWS, LENGTH - 1, dtype=torch.long), torch.full((ROWS, LENGTH - 1), -100)
    for r, row in enumerate(rows):
        first = {"all": 1, "answer": len(row) - 2}[loss] if isinstance(loss, str) else loss["span"]["from"]
        tokens[r, : len(row) - 1] = torch.tensor(row[:-1])
        targets[r, first - 1 : len(row) - 1] = torch.tensor(row[first:])
    return tokens, targets


def logits(c, w, tokens):
    def norm(x, at):
        if c["normalization_type"] is None:
            return x
        return F.layer_norm(x, x.shape[-1:], w.get(at + ".w"), w.get(at + ".b"), c["eps"])

    act = {"gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh"), "relu": F.relu}[c["act_fn"]]
    pos = tokens.shape[1]
    mask = torch.full((pos, pos), -math.inf, dtype=w["embed.W_E"].dtype).triu(1)
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


def train(c, o, loss, ragged, dtype):
    w = scattered(c, dtype)
    betas = (o["beta1"], o["beta2"])
    groups = [
        {"params": [x for name, x in w.items() if ".W_" in name], "weight_decay": o["weight_decay"]},
        {"params": [x for name, x in w.items() if ".W_" not in name], "weight_decay": 0.0},
    ]
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[o["kind"]]
    optimizer = kind(groups, lr=o["learning_rate"], betas=betas, eps=o["eps"])
    losses = []
    for step in range(STEPS):
        tokens, targets = padded(rows(step, ragged), loss)
        value = F.cross_entropy(logits(c, w, tokens).reshape(-1, VOCAB), targets.reshape(-1))
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
ODD = dict(d_model=9, d_head=3, n_heads=3, d_mlp=5)
# The gradient of b_K is zero but for rounding, which Adam turns into whole steps unless eps is larger than it.
ADAMW = dict(kind="adamw", learning_rate=3e-4, weight_decay=0.01, beta1=0.9, beta2=0.999, eps=1e-5, warmup=0,
             schedule="constant", clip=None)
ADAM = ADAMW | dict(kind="adam")
# Learning rates at which a difference in the last bit of f32 does not grow: at 1e-3 PyTorch's own f32 strays by 0.01.
# Shape, optimizer, loss, whether rows are ragged.
CASES = [
    (SHAPE, ADAMW | dict(learning_rate=2e-4), "all", False),
    (SHAPE, ADAMW | dict(weight_decay=1.0), "answer", False),
    (SHAPE | dict(n_layers=2, act_fn="relu", normalization_type=None), ADAMW | dict(learning_rate=1e-4, clip=0.5), "all", False),
    (SHAPE | ODD | dict(act_fn="gelu", normalization_type="LNPre"), ADAMW | dict(warmup=20, schedule="cosine"), "answer", False),
    (SHAPE | dict(n_layers=2, attn_only=True, d_mlp=0), ADAMW | dict(beta2=0.95, weight_decay=0.0), {"span": {"from": 3}}, False),
    (SHAPE | dict(n_layers=0), ADAMW, "all", False),
    (SHAPE | dict(act_fn="relu"), ADAM | dict(weight_decay=0.0), "all", False),
    (SHAPE | dict(n_layers=2, n_heads=1, d_head=8, act_fn="gelu"), ADAM | dict(learning_rate=2e-4), "answer", False),
    (SHAPE | dict(normalization_type="LNPre"), ADAM | dict(weight_decay=1.0, clip=1.0), "all", False),
    (SHAPE, ADAMW | dict(schedule="cosine"), "all", True),
    (SHAPE | ODD | dict(n_layers=2, normalization_type="LNPre"), ADAM, "answer", True),
    (SHAPE | dict(act_fn="relu", normalization_type=None), ADAMW | dict(warmup=50, clip=0.3, weight_decay=1.0), {"span": {"from": 2}}, True),
    (SHAPE | dict(n_layers=0, normalization_type=None), ADAM | dict(weight_decay=0.0, warmup=10), "answer", True),
]
torch.set_num_threads(1)
found = []
for shape, optimizer, loss, ragged in CASES:
    losses, weight_norm = train(shape, optimizer, loss, ragged, torch.float64)
    narrow, _ = train(shape, optimizer, loss, ragged, torch.float32)
    off = max(abs(a - b) for a, b in zip(losses, narrow))
    case = dict(shape=shape, optimizer=optimizer, loss=loss, ragged=ragged, f32_is_off_by=float(f"{off:.1e}"),
                weight_norm=weight_norm, losses=[round(x, 9) for x in losses])
    print(len(found), f"{losses[0]:.3f} to {losses[-1]:.3f}, in f32 off by {off:.1e}")
    found.append(json.dumps(case))
(pathlib.Path(__file__).parent / "torch_losses.json").write_text("[\n" + ",\n".join(found) + "\n]\n")
