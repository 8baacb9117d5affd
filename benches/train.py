"""Trains the model of `seqlab bench train` in PyTorch and prints the rate as one JSON line.

Takes the same flags, and `--mode`. On a CPU `processes` shares seeds out over as many processes as `--threads`, each with
one thread: of the ways that PyTorch can train many small models there (one process with all threads, torch.compile, vmap
over seeds) the fastest that was found. `eager` and `compile` train seed after seed, on all threads or a GPU. On a GPU there
are `graphs`, compiled into CUDA graphs, and `vmap`, all seeds as one, too.
"""

import argparse
import copy
import json
import math
import multiprocessing
import time

flags = argparse.ArgumentParser()
for name, default in [
    ("layers", 1), ("d-model", 64), ("heads", 4), ("mlp", 256), ("ln", 1), ("vocab", 128), ("ctx", 8), ("batch", 512),
    ("steps", 200), ("warmup", 5), ("seeds", 1), ("threads", 2),
]:
    flags.add_argument(f"--{name}", type=int, default=default)
flags.add_argument("--act", default="gelu_new", choices=["gelu_new", "relu"])
flags.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
flags.add_argument("--mode", default="processes", choices=["processes", "eager", "compile", "graphs", "vmap"])
shape = flags.parse_args()


def decoder():
    """Returns an untrained model."""
    import torch
    from torch import nn
    from torch.nn import functional

    width, heads = shape.d_model, shape.heads
    hidden = torch.full((shape.ctx, shape.ctx), -math.inf, device=shape.device).triu(1)

    def norm():
        return nn.LayerNorm(width) if shape.ln else nn.Identity()

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x):
            rows, positions, _ = x.shape
            q, k, v = self.qkv(x).view(rows, positions, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            if shape.mode == "vmap":  # the fused kernels have no rule for it
                scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads) + hidden
                z = scores.softmax(-1) @ v
            else:
                z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(z.transpose(1, 2).reshape(rows, positions, width))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.positions = nn.Embedding(shape.vocab, width), nn.Embedding(shape.ctx, width)
            bend = nn.GELU(approximate="tanh") if shape.act == "gelu_new" else nn.ReLU()

            def block():
                parts = [nn.Sequential(norm(), Attention())]
                if shape.mlp:
                    into, out = nn.Linear(width, shape.mlp), nn.Linear(shape.mlp, width)
                    parts.append(nn.Sequential(norm(), into, bend, out))
                return parts

            self.parts = nn.ModuleList(part for _ in range(shape.layers) for part in block())
            self.norm, self.unembed = norm(), nn.Linear(width, shape.vocab)

        def forward(self, tokens):
            x = self.embed(tokens) + self.positions.weight
            for part in self.parts:
                x = x + part(x)
            return self.unembed(self.norm(x))

    return Decoder().to(shape.device)


def loss_of(model, rows):
    """Returns the mean over all next tokens."""
    from torch.nn import functional

    return functional.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def adamw(parameters):
    import torch

    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)


def train(seeds, ready, finished):
    """Trains these seeds on one thread, one after the other, once all processes are ready."""
    import torch

    torch.set_num_threads(1)
    tokens = torch.randint(shape.vocab, (16, shape.batch, shape.ctx + 1))

    def run(seed, steps):
        torch.manual_seed(seed)
        model = decoder()
        optimizer = adamw(model.parameters())
        for step in range(steps):
            loss = loss_of(model, tokens[step % 16])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    assert math.isfinite(run(0, shape.warmup))
    ready.wait()
    for seed in seeds:
        run(seed, shape.steps)
    finished.wait()


def in_processes():
    """Returns the seconds that all seeds take."""
    processes = min(shape.threads, shape.seeds)
    ready, finished = multiprocessing.Barrier(processes + 1), multiprocessing.Barrier(processes + 1)
    for number in range(processes):
        seeds = range(number, shape.seeds, processes)
        multiprocessing.Process(target=train, args=(seeds, ready, finished), daemon=True).start()
    ready.wait()
    begun = time.perf_counter()
    finished.wait()
    return time.perf_counter() - begun


def in_one():
    """Returns the same of one process, with the rows where the model is."""
    import torch
    from torch.func import functional_call, grad_and_value, stack_module_state, vmap

    torch.set_num_threads(shape.threads)
    tokens = torch.randint(shape.vocab, (16, shape.batch, shape.ctx + 1), device=shape.device)
    wait = torch.cuda.synchronize if shape.device == "cuda" else lambda: None

    def timed(step):
        for number in range(shape.warmup):
            loss = step(number)
        wait()
        begun = time.perf_counter()
        for number in range(shape.steps):
            loss = step(number)
        wait()
        assert math.isfinite(loss.mean().item())
        return time.perf_counter() - begun

    def alone(seed):
        torch.manual_seed(seed)
        model = decoder()
        optimizer = adamw(model.parameters())
        modes = {"compile": "default", "graphs": "reduce-overhead"}
        compute = torch.compile(loss_of, mode=modes[shape.mode]) if shape.mode in modes else loss_of

        def step(number):
            loss = compute(model, tokens[number % 16])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=shape.mode != "graphs")
            return loss.detach()

        return timed(step)

    if shape.mode != "vmap":
        return sum(alone(seed) for seed in range(shape.seeds))
    first = decoder()
    models = [copy.deepcopy(first) for _ in range(shape.seeds)]
    parameters, _ = stack_module_state(models)
    optimizer = adamw(parameters.values())
    one = vmap(grad_and_value(lambda each, rows: loss_of(lambda x: functional_call(first, each, (x,)), rows)), (0, None))

    def step(number):
        gradients, losses = one(parameters, tokens[number % 16])
        for name, parameter in parameters.items():
            parameter.grad = gradients[name]
        optimizer.step()
        return losses.detach()

    return timed(step)


if __name__ == "__main__":
    seconds = in_processes() if shape.mode == "processes" else in_one()
    rate = shape.steps * shape.seeds / seconds
    print(json.dumps({"framework": "pytorch", **vars(shape), "seconds": seconds, "steps_per_s": rate}))
