"""The same training run as one jitted JAX program: lax.scan over the steps, Adam by hand, nothing leaves the device."""

import math
import time

from trial import jax_mlp, options as o, outputs_of, serve, unsupported, widths_of

import jax
import jax.numpy as jnp

e, objective = o["energy"], o["objective"]
key = jax.random.PRNGKey(1)
columns = e["input"] + (e["kind"] in ("regressor", "mixtureDensity"))
data = jax.random.normal(key, (10_000, columns))
labels = jnp.arange(10_000) % e.get("classes", 1)


def net(w, x):
    for a, b in w["layers"][:-1]:
        x = jax.nn.silu(x @ a + b)
    a, b = w["layers"][-1]
    return x @ a + b


def energy(w, x):
    return net(w, x)[:, 0]


score = jax.grad(lambda x, w: energy(w, x).sum())


def langevin(w, x, key, sampler):
    h = sampler["stepSize"]

    def step(carry, _):
        x, key = carry
        key, one = jax.random.split(key)
        return (x - h / 2 * score(x, w) + h**0.5 * jax.random.normal(one, x.shape), key), None

    return jax.lax.scan(step, (x, key), None, length=sampler["steps"])[0][0]


# Each objective: negatives(w, x, key, buffer) -> (rows, buffer), outside the gradient, and loss(w, x, y, key, negatives).
def from_data(w, x, key, buffer):
    return langevin(w, x, key, objective["sampler"]), buffer


def from_buffer(w, x, key, buffer):
    one, two, three, four = jax.random.split(key, 4)
    i = jax.random.randint(one, (len(x),), 0, len(buffer))
    restart = jax.random.bernoulli(two, 0.05, (len(x), 1))
    start = jnp.where(restart, jax.random.uniform(three, x.shape, minval=-4, maxval=4), buffer[i])
    rows = langevin(w, start, four, objective["sampler"])
    return rows, buffer.at[i].set(rows)


def nothing(w, x, key, buffer):
    return x, buffer


def contrastive(w, x, y, key, negatives):
    return energy(w, x).mean() - energy(w, negatives).mean()


def maximum_likelihood(w, x, y, key, negatives):
    return energy(w, x).mean() + jax.nn.logsumexp(-energy(w, grid)) + log_cell


def noise_contrastive(w, x, y, key, negatives):
    noise = jax.random.normal(key, x.shape)
    log_noise = lambda z: -(z**2).sum(-1) / 2 - columns / 2 * math.log(2 * math.pi)
    u = lambda z: -energy(w, z) - w["logZ"] - log_noise(z)
    return jax.nn.softplus(-u(x)).mean() + jax.nn.softplus(u(noise)).mean()


def denoising_score_matching(w, x, y, key, negatives):
    sigma = objective["sigma"]
    noise = jax.random.normal(key, x.shape)
    return ((noise - sigma * score(x + sigma * noise, w)) ** 2).sum(-1).mean() / 2


def cross_entropy(w, x, y, key, negatives):
    logits = net(w, x)
    return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, y[:, None], -1)[:, 0]).mean()


def mean_squared_error(w, x, y, key, negatives):
    return ((net(w, x[:, :-1]) - x[:, -1:]) ** 2).mean()


def negative_log_likelihood(w, x, y, key, negatives):
    k = e["components"]
    raw = net(w, x[:, :-1])
    floor = math.log(1e-3)
    log_sigma = floor + jax.nn.softplus(raw[:, 2 * k :] - floor)
    z = (x[:, -1:] - raw[:, k : 2 * k]) * jnp.exp(-log_sigma)
    log_normal = -(z**2) / 2 - math.log(2 * math.pi) / 2 - log_sigma
    return -jax.nn.logsumexp(jax.nn.log_softmax(raw[:, :k], -1) + log_normal, -1).mean()


OBJECTIVES = {
    "contrastiveDivergence": (from_data, contrastive),
    "persistentContrastiveDivergence": (from_buffer, contrastive),
    "maximumLikelihood": (nothing, maximum_likelihood),
    "noiseContrastive": (nothing, noise_contrastive),
    "denoisingScoreMatching": (nothing, denoising_score_matching),
    "crossEntropy": (nothing, cross_entropy),
    "meanSquaredError": (nothing, mean_squared_error),
    "negativeLogLikelihood": (nothing, negative_log_likelihood),
}
if objective["kind"] not in OBJECTIVES:
    unsupported(f"no JAX twin of {objective['kind']}")
negatives_of, loss_of = OBJECTIVES[objective["kind"]]
if objective["kind"] == "maximumLikelihood":
    cells, box = objective["cells"], objective["box"]
    width = (box["high"] - box["low"]) / cells
    axis = box["low"] + width * (jnp.arange(cells) + 0.5)
    grid = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    log_cell = 2 * math.log(width)


def adam(w, g, m, v, t):
    tree = jax.tree_util.tree_map
    m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    one, two = 1 - 0.9**t, 1 - 0.999**t
    return tree(lambda w, m, v: w - 1e-3 * (m / one) / (jnp.sqrt(v / two) + 1e-8), w, m, v), m, v


@jax.jit
def run(w, m, v, buffer, key, data, labels):
    def step(carry, t):
        w, m, v, buffer, key = carry
        key, one, two, three = jax.random.split(key, 4)
        i = jax.random.randint(one, (o["batch"],), 0, len(data))
        x, y = data[i], labels[i]
        negatives, buffer = negatives_of(w, x, two, buffer)
        g = jax.grad(loss_of)(w, x, y, three, negatives)
        w, m, v = adam(w, g, m, v, t)
        return (w, m, v, buffer, key), None

    times = jnp.arange(1, o["steps"] + 1, dtype=jnp.float32)
    return jax.lax.scan(step, (w, m, v, buffer, key), times)[0]


weights = {"layers": jax_mlp(key, widths_of(e, outputs_of(e)))}
if objective["kind"] == "noiseContrastive":
    weights["logZ"] = jnp.zeros(())
zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
buffer = jax.random.uniform(key, (10_000, columns), minval=-4, maxval=4)
state = (weights, zeros, zeros, buffer, key, data, labels)
program = run.lower(*state).compile()  # compiled before the clock starts
if o["per"] == "step":
    jax.block_until_ready(program(*state))


def measure():
    started = time.perf_counter()
    jax.block_until_ready(program(*state))
    seconds = time.perf_counter() - started
    return {"value": seconds if o["per"] == "run" else seconds / o["steps"] * 1000}


serve(measure)
