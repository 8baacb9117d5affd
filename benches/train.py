"""Trains the model of `seqlab bench train` in PyTorch and prints the rate as one JSON line.

Takes the same flags. Seeds are shared out over as many processes as `--threads`, each with one thread: of the ways that
PyTorch can train many small models on a CPU (one process with all threads, torch.compile, vmap over seeds) the fastest
that was found.
"""

import argparse
import json
import math
import multiprocessing
import time

flags = argparse.ArgumentParser()
for name, default in [
    ("layers", 1), ("d-model", 64), ("heads", 4), ("mlp", 256), ("ln", 1), ("vocab", 128), ("ctx", 8), ("batch", 512),
    ("steps", 200), ("seeds", 1), ("threads", 2),
]:
    flags.add_argument(f"--{name}", type=int, default=default)
shape = flags.parse_args()


def train(seeds, ready, finished):
    """Trains these seeds, one after the other, once all processes are ready."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    width, heads = shape.d_model, shape.heads

    def norm():
        return nn.LayerNorm(width) if shape.ln else nn.Identity()

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x):
            rows, positions, _ = x.shape
            q, k, v = self.qkv(x).view(rows, positions, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(z.transpose(1, 2).reshape(rows, positions, width))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.positions = nn.Embedding(shape.vocab, width), nn.Embedding(shape.ctx, width)
            gelu = nn.GELU(approximate="tanh")

            def block():
                parts = [nn.Sequential(norm(), Attention())]
                if shape.mlp:
                    into, out = nn.Linear(width, shape.mlp), nn.Linear(shape.mlp, width)
                    parts.append(nn.Sequential(norm(), into, gelu, out))
                return parts

            self.parts = nn.ModuleList(part for _ in range(shape.layers) for part in block())
            self.norm, self.unembed = norm(), nn.Linear(width, shape.vocab)

        def forward(self, tokens):
            x = self.embed(tokens) + self.positions.weight
            for part in self.parts:
                x = x + part(x)
            return self.unembed(self.norm(x))

    tokens = torch.randint(shape.vocab, (16, shape.batch, shape.ctx + 1))

    def run(seed, steps):
        torch.manual_seed(seed)
        model = Decoder()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
        for step in range(steps):
            rows = tokens[step % 16]
            loss = functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    assert math.isfinite(run(0, 5))
    ready.wait()
    for seed in seeds:
        run(seed, shape.steps)
    finished.wait()


if __name__ == "__main__":
    processes = min(shape.threads, shape.seeds)
    ready, finished = multiprocessing.Barrier(processes + 1), multiprocessing.Barrier(processes + 1)
    for number in range(processes):
        seeds = range(number, shape.seeds, processes)
        multiprocessing.Process(target=train, args=(seeds, ready, finished), daemon=True).start()
    ready.wait()
    begun = time.perf_counter()
    finished.wait()
    seconds = time.perf_counter() - begun
    rate = shape.steps * shape.seeds / seconds
    print(json.dumps({"framework": "pytorch", **vars(shape), "seconds": seconds, "steps_per_s": rate}))
