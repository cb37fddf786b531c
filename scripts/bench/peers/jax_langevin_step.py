"""One trial of the same loop in jax.jit + lax.scan."""

import json
import os
import sys
import time

o = json.loads(sys.argv[1])
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=" + ("false" if o["threads"] == 1 else "true") + " intra_op_parallelism_threads=" + str(o["threads"])
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

widths = [o["input"], *o["hidden"], 1]
key = jax.random.PRNGKey(1)
weights = []
for a, b in zip(widths, widths[1:]):
    key, one, two = jax.random.split(key, 3)
    bound = a**-0.5
    weights.append((jax.random.uniform(one, (a, b), minval=-bound, maxval=bound), jax.random.uniform(two, (b,), minval=-bound, maxval=bound)))
h = 0.001


def energy(x):
    for w, b in weights[:-1]:
        x = jax.nn.silu(x @ w + b)
    w, b = weights[-1]
    return (x @ w + b).sum()


@jax.jit
def run(x, key):
    def step(carry, _):
        x, key = carry
        key, one = jax.random.split(key)
        x = x - h / 2 * jax.grad(energy)(x) + h**0.5 * jax.random.normal(one, x.shape)
        return (x, key), None

    return jax.lax.scan(step, (x, key), None, length=o["steps"])[0]


x = jax.random.normal(key, (o["chains"], o["input"]))
jax.block_until_ready(run(x, key))
started = time.perf_counter()
jax.block_until_ready(run(x, key))
print(json.dumps({"microsecondsPerStep": (time.perf_counter() - started) / o["steps"] * 1e6}))
