"""Every objective as plain JAX: one function an objective, one line in TWINS. Formulas as in native/core/objectives."""

import math
from typing import Callable, NamedTuple

from trial import jax_mlp, options as o, outputs_of, widths_of

import jax
import jax.numpy as jnp

e, objective = o["energy"], o["objective"]
signs = jax.random.rademacher
fixed = jax.lax.stop_gradient


def mlp(layers, x):
    for a, b in layers[:-1]:
        x = jax.nn.silu(x @ a + b)
    a, b = layers[-1]
    return x @ a + b


def net(w, x):
    return mlp(w["layers"], x)


def energy(w, x):
    return net(w, x)[:, 0]


def conditional(w, x, y):
    return energy(w, jnp.concatenate([x, y], 1))


def rbm(w, v):
    ((a, b),) = w["layers"]
    return -v @ w["bias"] - jax.nn.softplus(v @ a + b).sum(1)


slope = jax.grad(lambda x, w, *y: (conditional if y else energy)(w, x, *y).sum())  # dE/dx


def initial(key):
    """The model's weights, and the objective's own learnable numbers beside them."""
    if e["kind"] == "rbm":
        return {"layers": jax_mlp(key, [e["input"], e["hidden"]]), "bias": jnp.zeros(e["input"])}
    weights = {"layers": jax_mlp(key, widths_of(e, outputs_of(e)))}
    return weights | ({"logZ": jnp.zeros(())} if objective["kind"] == "noiseContrastive" else {})


def langevin(w, x, key, sampler, steps=None):
    h = sampler["stepSize"]

    def step(carry, _):
        x, key = carry
        key, one = jax.random.split(key)
        return (x - h / 2 * slope(x, w) + h**0.5 * jax.random.normal(one, x.shape), key), None

    return jax.lax.scan(step, (x, key), None, length=sampler["steps"] if steps is None else steps)[0][0]


# Negatives: negatives(w, x, key, buffer) -> (what the loss is given, buffer), outside the gradient.
def nothing(w, x, key, buffer):
    return x, buffer


def from_data(w, x, key, buffer):
    return langevin(w, x, key, objective["sampler"]), buffer


def before_last(w, x, key, buffer):
    """The chains before their last step, and that step's noise: the loss differentiates the step itself."""
    one, two = jax.random.split(key)
    before = langevin(w, x, one, objective["sampler"], objective["sampler"]["steps"] - 1)
    return (before, jax.random.normal(two, x.shape)), buffer


def from_buffer(w, x, key, buffer):
    one, two, three, four = jax.random.split(key, 4)
    i = jax.random.randint(one, (len(x),), 0, len(buffer))
    restart = jax.random.bernoulli(two, 0.05, (len(x), 1))
    start = jnp.where(restart, jax.random.uniform(three, x.shape, minval=-4, maxval=4), buffer[i])
    rows = langevin(w, start, four, objective["sampler"])
    return rows, buffer.at[i].set(rows)


# Losses: loss(w, x, y, key, negatives, h), h the weights of a helper network.
def energies(w, x, others):
    """Energies of rows [n, d] and of others [m, n, d], in one pass."""
    both = energy(w, jnp.concatenate([x, others.reshape(-1, x.shape[1])]))
    return both[: len(x)], both[len(x) :].reshape(others.shape[:2])


def contrastive(w, x, y, key, negatives, h):
    return energy(w, x).mean() - energy(w, negatives).mean()


def improved_contrastive(w, x, y, key, negatives, h):
    kl, (before, noise), size = objective["samplerKl"], negatives, objective["sampler"]["stepSize"]
    last = before - size / 2 * slope(before, w) + size**0.5 * noise
    term = kl["energy"] * energy(fixed(w), last).mean() - kl["entropy"] * nearest_neighbour_entropy(last)
    return contrastive(w, x, y, key, fixed(last), h) + term


def nearest_neighbour_entropy(x):
    n, d = x.shape
    square = ((fixed(x)[:, None] - fixed(x)) ** 2).sum(-1)
    nearest = jnp.argmin(jnp.where(jnp.eye(n, dtype=bool), jnp.inf, square), 1)
    r = jnp.sqrt(((x - x[nearest]) ** 2).sum(1))
    ball = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    return d * jnp.log(r).mean() + ball + jax.scipy.special.digamma(n) - jax.scipy.special.digamma(1)


def pseudo_spherical(w, x, y, key, negatives, h):
    gamma = objective["gamma"]
    data, other = energy(w, x), energy(w, negatives)
    weights = fixed(jax.nn.softmax(-gamma * other))
    return -(jax.nn.logsumexp(-gamma * data) - math.log(len(x))) / gamma - (weights * other).sum()


def jensen_shannon(u):
    """f'(e^u) and f*(f'(e^u))"""
    return math.log(2) + u - jax.nn.softplus(u), jax.nn.softplus(u) - math.log(2)


def f_divergence(w, x, y, key, negatives, h):
    data, other = energy(w, x), energy(w, negatives)
    onto = jensen_shannon(data + energy(h, x))[0]
    conjugate = jensen_shannon(other + energy(h, negatives))[1]
    own = (other * fixed(conjugate)).mean() - other.mean() * fixed(conjugate).mean()
    return onto.mean() - conjugate.mean() + own


def f_divergence_helper(h, w, x, negatives, key):
    onto = jensen_shannon(energy(w, x) + energy(h, x))[0]
    return jensen_shannon(energy(w, negatives) + energy(h, negatives))[1].mean() - onto.mean()


def maximum_likelihood(w, x, y, key, negatives, h):
    cells, box = objective["cells"], objective["box"]
    width = (box["high"] - box["low"]) / cells
    axis = box["low"] + width * (jnp.arange(cells) + 0.5)
    grid = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return energy(w, x).mean() + jax.nn.logsumexp(-energy(w, grid)) + 2 * math.log(width)


def log_noise(x):
    return -(x**2).sum(-1) / 2 - x.shape[-1] / 2 * math.log(2 * math.pi)


def noise_contrastive(w, x, y, key, negatives, h):
    noise = jax.random.normal(key, x.shape)
    u = lambda z: -energy(w, z) - w["logZ"] - log_noise(z)
    return jax.nn.softplus(-u(x)).mean() + jax.nn.softplus(u(noise)).mean()


def ranking_noise_contrastive(w, x, y, key, negatives, h):
    noise = jax.random.normal(key, (objective["negatives"], *x.shape))
    data, other = energies(w, x, noise)
    datum = -data - log_noise(x)
    logits = jnp.concatenate([datum[None], -other - log_noise(noise)])
    return (jax.nn.logsumexp(logits, 0) - datum).mean()


def conditional_noise_contrastive(w, x, y, key, negatives, h):
    noise = jax.random.normal(key, (objective["negatives"], *x.shape))
    data, other = energies(w, x, x + objective["sigma"] * noise)
    return 2 * jax.nn.softplus(data - other).mean()


def energy_discrepancy(w, x, y, key, negatives, h):
    m, sd = objective["negatives"], math.sqrt(objective["t"])
    one, two = jax.random.split(key)
    blurred = x + sd * jax.random.normal(one, x.shape)
    data, other = energies(w, x, blurred + sd * jax.random.normal(two, (m, *x.shape)))
    itself = jnp.full((1, len(x)), math.log(objective["w"]))
    return jax.nn.logsumexp(jnp.concatenate([data - other, itself]), 0).mean() - math.log(m)


def minimum_probability_flow(w, x, y, key, negatives, h):
    d = x.shape[1]
    neighbours = jnp.abs(x - jnp.eye(d)[:, None])  # one bit flipped, [d, n, d]
    both = rbm(w, jnp.concatenate([x, neighbours.reshape(-1, d)]))
    return jnp.exp((both[: len(x)] - both[len(x) :].reshape(d, -1)) / 2).sum(0).mean()


def slope_and_curvature(w, x, v):
    """dE/dx [n, d] and v' (d2E/dx2) v of directions v [m, n, d], [m, n]: forward over reverse."""
    along = lambda v: jax.jvp(lambda x: slope(x, w), (x,), (v,))
    found = [along(one) for one in v]  # a vmap over the directions takes three times as long
    return found[0][0], jnp.stack([(turned * one).sum(-1) for (_, turned), one in zip(found, v)])


def explicit_score_matching(w, x, y, key, negatives, h):
    exact, d = objective["trace"] == "exact", x.shape[1]
    axes = jnp.broadcast_to(jnp.eye(d)[:, None], (d, *x.shape))
    v = axes if exact else signs(key, (objective["projections"], *x.shape), x.dtype)
    gradient, curvature = slope_and_curvature(w, x, v)
    return ((gradient**2).sum(1) / 2 - (curvature.sum(0) if exact else curvature.mean(0))).mean()


def sliced_score_matching(w, x, y, key, negatives, h):
    v = signs(key, (objective["projections"], *x.shape), x.dtype)
    if "finiteDifference" in objective:
        step = objective["finiteDifference"]
        data, other = energies(w, x, jnp.concatenate([x + step * v, x - step * v]))
        up, down = other.reshape(2, *v.shape[:2])
        return ((up - down) ** 2 / (8 * step**2) - (up + down - 2 * data) / step**2).mean()
    gradient, curvature = slope_and_curvature(w, x, v)
    reduced = objective["varianceReduced"]
    square = (gradient**2).sum(1)[None] if reduced else ((gradient * v).sum(-1)) ** 2
    return (square / 2 - curvature).mean()


def denoising_score_matching(w, x, y, key, negatives, h):
    sigma, given = objective["sigma"], ()
    one, two = jax.random.split(key)
    if isinstance(sigma, dict):
        ladder = jnp.linspace(math.log(sigma["from"]), math.log(sigma["to"]), sigma["levels"])
        given = (ladder[jax.random.randint(two, (len(x),), 0, len(ladder))][:, None],)
        sigma = jnp.exp(given[0])
    noise = jax.random.normal(one, x.shape)
    noisy = x + sigma * noise
    if "finiteDifference" in objective:
        step, v = objective["finiteDifference"], signs(two, x.shape, x.dtype)
        shift = step * sigma * v
        _, (up, down) = energies(w, x[:0], jnp.stack([noisy + shift, noisy - shift]))
        return (((down - up) / (2 * step) + (v * noise).sum(1)) ** 2).mean() / 2
    return ((noise - sigma * slope(noisy, w, *given)) ** 2).sum(-1).mean() / 2


def stein_discrepancy(w, x, y, key, negatives, h):
    """The kernel k = (1 + |x - y|^2 / c^2)^beta; pairs i != j."""
    n, d = x.shape
    c2, beta = objective["scale"] ** 2, objective["beta"]
    s = -slope(x, w)
    apart = x[:, None] - x
    square = (apart**2).sum(-1)
    base = 1 + square / c2
    bend = 2 * beta / c2 * base ** (beta - 1)
    along = ((s[None] - s[:, None]) * apart).sum(-1)
    trace = -bend * d - 4 * beta * (beta - 1) / c2**2 * base ** (beta - 2) * square
    u = s @ s.T * base**beta + bend * along + trace
    return (u.sum() - jnp.trace(u)) / (n * (n - 1))


def critic_and_trace(h, x):
    d = x.shape[1]
    along = lambda v: jax.jvp(lambda x: mlp(h["layers"], x), (x,), (jnp.broadcast_to(v, x.shape),))
    value, turned = jax.vmap(along, out_axes=(None, 0))(jnp.eye(d))
    return value, sum(turned[j, :, j] for j in range(d))


def learned_stein(w, x, y, key, negatives, h):
    value, trace = critic_and_trace(h, x)
    return (-slope(x, w) * value).sum(1).mean() + trace.mean()


def learned_stein_helper(h, w, x, negatives, key):
    value, trace = critic_and_trace(h, x)
    discrepancy = (-slope(x, w) * value).sum(1).mean() + trace.mean()
    return objective["lambda"] * (value**2).sum(1).mean() - discrepancy


def structured_nll(w, x, y, key, negatives, h):
    answers, beta = objective["answers"], objective["beta"]
    shape = (answers["samples"], *y.shape)
    others = jax.random.uniform(key, shape, minval=answers["low"], maxval=answers["high"])
    everything = jnp.concatenate([y[None], others])  # [1 + m, n, k]
    rows = jnp.concatenate([jnp.broadcast_to(x, (len(everything), *x.shape)), everything], -1)
    all_energies = energy(w, rows.reshape(-1, rows.shape[-1])).reshape(rows.shape[:2])
    return (all_energies[0] + jax.nn.logsumexp(-beta * all_energies, 0) / beta).mean()


def cross_entropy(w, x, y, key, negatives, h):
    logits = net(w, x)
    return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, y[:, None], -1)[:, 0]).mean()


def mean_squared_error(w, x, y, key, negatives, h):
    return ((net(w, x[:, :-1]) - x[:, -1:]) ** 2).mean()


def negative_log_likelihood(w, x, y, key, negatives, h):
    k = e["components"]
    raw = net(w, x[:, :-1])
    floor = math.log(1e-3)
    log_sigma = floor + jax.nn.softplus(raw[:, 2 * k :] - floor)
    z = (x[:, -1:] - raw[:, k : 2 * k]) * jnp.exp(-log_sigma)
    log_normal = -(z**2) / 2 - math.log(2 * math.pi) / 2 - log_sigma
    return -jax.nn.logsumexp(jax.nn.log_softmax(raw[:, :k], -1) + log_normal, -1).mean()


class Twin(NamedTuple):
    loss: Callable
    negatives: Callable = nothing
    helper: Callable | None = None  # helper(h, w, x, negatives, key): what a helper network minimises, w held fixed
    widths: Callable = lambda: []  # of the helper
    rounds: Callable = lambda: 1  # steps of the helper for one of the model


TWINS = {
    "contrastiveDivergence": Twin(contrastive, from_data),
    "improvedContrastiveDivergence": Twin(improved_contrastive, before_last),
    "persistentContrastiveDivergence": Twin(contrastive, from_buffer),
    "pseudoSpherical": Twin(pseudo_spherical, from_buffer),
    "fDivergence": Twin(f_divergence, from_buffer, f_divergence_helper, lambda: widths_of(objective["helper"])),
    "maximumLikelihood": Twin(maximum_likelihood),
    "noiseContrastive": Twin(noise_contrastive),
    "rankingNoiseContrastive": Twin(ranking_noise_contrastive),
    "conditionalNoiseContrastive": Twin(conditional_noise_contrastive),
    "energyDiscrepancy": Twin(energy_discrepancy),
    "minimumProbabilityFlow": Twin(minimum_probability_flow),
    "explicitScoreMatching": Twin(explicit_score_matching),
    "slicedScoreMatching": Twin(sliced_score_matching),
    "denoisingScoreMatching": Twin(denoising_score_matching),
    "steinDiscrepancy": Twin(stein_discrepancy),
    "learnedSteinDiscrepancy": Twin(
        learned_stein,
        helper=learned_stein_helper,
        widths=lambda: [e["input"], *objective["critic"]["hidden"], e["input"]],
        rounds=lambda: objective["criticSteps"],
    ),
    "structured": Twin(structured_nll),
    "crossEntropy": Twin(cross_entropy),
    "meanSquaredError": Twin(mean_squared_error),
    "negativeLogLikelihood": Twin(negative_log_likelihood),
}


def twin():
    """The twin of the options' objective, or None."""
    improved = objective["kind"] == "contrastiveDivergence" and "samplerKl" in objective
    return TWINS.get("improvedContrastiveDivergence" if improved else objective["kind"])
