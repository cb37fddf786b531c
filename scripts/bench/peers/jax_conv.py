"""Milliseconds per Langevin step of a conv energy in jitted JAX (one lax.scan), or with "batch" per training step of the network as a
classifier (cross entropy, Adam). Images are channels last, which XLA's CPU convolutions want."""

import time

from image_twins import conv_layers
from trial import options as o, serve

import jax
import jax.numpy as jnp

e, outputs = o["energy"], o.get("classes", 1)
CONVS = [layer for layer in conv_layers(e) if layer["kind"] == "conv2d"]


def start(key):
    channels, height, width = e["input"]
    weights = []
    uniform = lambda key, shape, fan: jax.random.uniform(key, shape, minval=-(fan**-0.5), maxval=fan**-0.5)
    for layer in CONVS:
        key, one, two = jax.random.split(key, 3)
        k, out = layer["kernel"], layer["channels"]
        weights.append((uniform(one, (k, k, channels, out), k * k * channels), uniform(two, (out,), k * k * channels)))
        height, width = [(n + 2 * layer["padding"] - k) // layer["stride"] + 1 for n in (height, width)]
        channels = out
    sizes = [channels * height * width, *e["hidden"], outputs]
    for a, b in zip(sizes, sizes[1:]):
        key, one, two = jax.random.split(key, 3)
        weights.append((uniform(one, (a, b), a), uniform(two, (b,), a)))
    return weights


def network(weights, x):
    for layer, (w, b) in zip(CONVS, weights):
        pad = [(layer["padding"],) * 2] * 2
        numbers = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, w, (layer["stride"],) * 2, pad, dimension_numbers=numbers) + b
        x = jax.nn.silu(x)
    x = x.reshape(x.shape[0], -1)
    for w, b in weights[len(CONVS) : -1]:
        x = jax.nn.silu(x @ w + b)
    w, b = weights[-1]
    return x @ w + b


key = jax.random.PRNGKey(1)
weights = start(key)
channels, height, width = e["input"]


def sampling():
    h = o.get("stepSize", 0.001)
    slope = jax.grad(lambda x, weights: network(weights, x).sum())

    @jax.jit
    def loop(x, key, weights):
        def step(carry, _):
            x, key = carry
            key, one = jax.random.split(key)
            return (x - h / 2 * slope(x, weights) + h**0.5 * jax.random.normal(one, x.shape), key), None

        return jax.lax.scan(step, (x, key), None, length=o["steps"])[0]

    x = jax.random.normal(key, (o["chains"], height, width, channels))
    return lambda: loop(x, key, weights)


def adam(w, g, m, v, t):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return w - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def training():
    x = jax.random.uniform(key, (4096, height, width, channels))
    y = jnp.arange(4096) % outputs

    def loss(weights, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(network(weights, x)), y[:, None], 1).mean()

    @jax.jit
    def loop(state, x, y):
        def step(carry, _):
            weights, m, v, t, key = carry
            key, one = jax.random.split(key)
            index = jax.random.randint(one, (o["batch"],), 0, len(x))
            gradient = jax.grad(loss)(weights, x[index], y[index])
            leaves = [jax.tree.leaves(each) for each in (weights, gradient, m, v)]
            moved = zip(*[adam(*each, t) for each in zip(*leaves)])
            weights, m, v = [jax.tree.unflatten(jax.tree.structure(weights), each) for each in moved]
            return (weights, m, v, t + 1, key), None

        return jax.lax.scan(step, state, None, length=o["steps"])[0]

    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, zeros, 1.0, key)
    return lambda: loop(state, x, y)


run = training() if "batch" in o else sampling()
jax.block_until_ready(run())


def measure():
    started = time.perf_counter()
    jax.block_until_ready(run())
    return {"value": (time.perf_counter() - started) / o["steps"] * 1000}


serve(measure)
