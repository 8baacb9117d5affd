"""Trains the model of `seqlab bench train` in JAX and prints the rate as one JSON line.

Takes the same flags. All seeds are one program (vmap), and 16 steps one call (scan) whose rows lie where the model does.
With `--mode processes` seeds are shared out over as many processes as `--threads`, each on a core of its own.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time

flags = argparse.ArgumentParser()
for name, default in [
    ("layers", 1), ("d-model", 64), ("heads", 4), ("mlp", 256), ("ln", 1), ("vocab", 128), ("ctx", 8), ("batch", 512),
    ("steps", 200), ("warmup", 5), ("seeds", 1), ("threads", 2),
]:
    flags.add_argument(f"--{name}", type=int, default=default)
flags.add_argument("--act", default="gelu_new", choices=["gelu_new", "relu"])
flags.add_argument("--mode", default="vmap", choices=["vmap", "processes", "part"])
flags.add_argument("--core", type=int, default=0)
shape = flags.parse_args()


def program():
    """Returns a function from the number of calls to the seconds that they take."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    width, heads, size = shape.d_model, shape.heads, shape.d_model // shape.heads
    seen = jnp.tril(jnp.ones((shape.ctx, shape.ctx), bool))

    def linear(key, inputs, outputs):
        return {"w": jax.random.normal(key, (inputs, outputs)) * 0.02, "b": jnp.zeros(outputs)}

    def norm():
        return {"w": jnp.ones(width), "b": jnp.zeros(width)} if shape.ln else {}

    def initial(key):
        keys = iter(jax.random.split(key, 3 + 4 * shape.layers))
        blocks = []
        for _ in range(shape.layers):
            block = {"ln1": norm(), "qkv": linear(next(keys), width, 3 * width), "out": linear(next(keys), width, width)}
            if shape.mlp:
                block |= {"ln2": norm(), "into": linear(next(keys), width, shape.mlp), "back": linear(next(keys), shape.mlp, width)}
            blocks.append(block)
        table = lambda rows: jax.random.normal(next(keys), (rows, width)) * 0.02
        return {"embed": table(shape.vocab), "positions": table(shape.ctx), "blocks": blocks, "ln": norm(), "unembed": linear(next(keys), width, shape.vocab)}

    def apply(x, layer):
        return x @ layer["w"] + layer["b"]

    def normalize(x, layer):
        if not layer:
            return x
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * layer["w"] + layer["b"]

    bend = jax.nn.gelu if shape.act == "gelu_new" else jax.nn.relu

    def loss_of(model, rows):
        x = model["embed"][rows[:, :-1]] + model["positions"]
        for block in model["blocks"]:
            qkv = apply(normalize(x, block["ln1"]), block["qkv"]).reshape(-1, shape.ctx, 3, heads, size)
            q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
            scores = jnp.where(seen, q @ k.transpose(0, 1, 3, 2) / math.sqrt(size), -jnp.inf)
            z = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(-1, shape.ctx, width)
            x = x + apply(z, block["out"])
            if shape.mlp:
                x = x + apply(bend(apply(normalize(x, block["ln2"]), block["into"])), block["back"])
        logits = apply(normalize(x, model["ln"]), model["unembed"])
        targets = jnp.take_along_axis(logits, rows[:, 1:, None], -1)[..., 0]
        return (jax.nn.logsumexp(logits, -1) - targets).mean()

    def update(state, rows):
        model, mean, square, count = state
        loss, gradient = jax.value_and_grad(loss_of)(model, rows)
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)
        rate, root = 1e-3 / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
        step = lambda w, m, v: w * (1 - 1e-5) - rate * m / (jnp.sqrt(v) / root + 1e-8)
        return (jax.tree.map(step, model, mean, square), mean, square, count), loss

    def steps(state, rows):
        return jax.lax.scan(update, state, rows)

    def fresh(key):
        model = initial(key)
        zeros = jax.tree.map(jnp.zeros_like, model)
        return model, zeros, zeros, jnp.float32(0)

    tokens = jnp.asarray(np.random.default_rng(0).integers(0, shape.vocab, (16, shape.batch, shape.ctx + 1)))
    state = jax.vmap(fresh)(jax.random.split(jax.random.key(0), shape.seeds))
    call = jax.jit(jax.vmap(steps, (0, None)), donate_argnums=0)
    state, losses = call(state, tokens)
    losses.block_until_ready()

    def run(calls):
        nonlocal state, losses
        begun = time.perf_counter()
        for _ in range(calls):
            state, losses = call(state, tokens)
        assert math.isfinite(losses.mean())
        return time.perf_counter() - begun

    return run


if __name__ == "__main__":
    calls = -(-shape.steps // 16)
    if shape.mode == "processes":
        arguments = sys.argv[1:]
        shares = [shape.seeds // shape.threads + (i < shape.seeds % shape.threads) for i in range(shape.threads)]
        parts = [
            subprocess.Popen(
                [sys.executable, __file__, *arguments, "--mode", "part", "--core", str(core), "--seeds", "1", "--steps", str(16 * calls * share)],
                stdout=subprocess.PIPE,
            )
            for core, share in enumerate(shares)
            if share
        ]
        seconds = max(json.loads(part.communicate()[0])["seconds"] for part in parts)
    else:
        if shape.mode == "part":
            os.sched_setaffinity(0, {shape.core})
        seconds = program()(calls)
    rate = 16 * calls * shape.seeds / seconds
    print(json.dumps({"framework": "jax", **vars(shape), "seconds": seconds, "steps_per_s": rate}))
