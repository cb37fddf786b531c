"""Microseconds per Langevin step of the same loop in jax.jit + lax.scan: one compiled program, compiled before the clock starts."""

import time

from trial import jax_mlp, means_of, options as o, precision_of, serve, unsupported, widths_of

import jax
import jax.numpy as jnp

h = o.get("stepSize", 0.001)
e = o["energy"]
key = jax.random.PRNGKey(1)

if e["kind"] == "mlp":
    weights = jax_mlp(key, widths_of(e))

    def energy(x, weights):
        for w, b in weights[:-1]:
            x = jax.nn.silu(x @ w + b)
        w, b = weights[-1]
        return (x @ w + b).sum()

elif e["kind"] == "doubleWell":
    weights = []

    def energy(x, weights):
        return jnp.sum((x[:, 0] ** 2 - 1) ** 2) + jnp.sum(x[:, 1:] ** 2) / 2

elif e["kind"] == "gaussian":
    weights = jnp.array(precision_of(e))

    def energy(x, precision):
        return ((x @ precision) * x).sum() / 2

elif e["kind"] == "gaussianMixture":
    weights = jnp.array(means_of(e))

    def energy(x, means):
        return -jax.nn.logsumexp(jnp.square(x[:, None, :] - means).sum(2) * -0.5, axis=1).sum()

else:
    unsupported(f"no JAX twin of {e['kind']}")


@jax.jit
def run(x, key, weights):
    def step(carry, _):
        x, key = carry
        key, one = jax.random.split(key)
        x = x - h / 2 * jax.grad(energy)(x, weights) + h**0.5 * jax.random.normal(one, x.shape)
        return (x, key), None

    return jax.lax.scan(step, (x, key), None, length=o["steps"])[0]


state = (jax.random.normal(key, (o["chains"], e["input"])), key)
jax.block_until_ready(run(*state, weights))


def measure():
    started = time.perf_counter()
    jax.block_until_ready(run(*state, weights))
    return {"value": (time.perf_counter() - started) / o["steps"] * 1e6}


serve(measure)
