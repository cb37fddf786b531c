"""The same training run as one jitted JAX program: lax.scan over the steps, Adam by hand, nothing leaves the device."""

from jax_losses import initial, twin
from trial import columns_of, jax_mlp, options as o, serve_training, unsupported

import jax
import jax.numpy as jnp

e, objective, own = o["energy"], o["objective"], twin()
if own is None:
    unsupported(f"no JAX twin of {objective['kind']}")
rounds = own.rounds()
key = jax.random.PRNGKey(1)
data = jax.random.normal(key, (10_000, columns_of(e)))
if e["kind"] == "rbm":
    data = (data > 0).astype(data.dtype)
labels = jax.random.normal(key, (10_000, e["condition"])) if "condition" in e else jnp.arange(10_000) % e.get("classes", 1)


def adam(w, g, m, v, t):
    tree = jax.tree_util.tree_map
    m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    one, two = 1 - 0.9**t, 1 - 0.999**t
    return tree(lambda w, m, v: w - 1e-3 * (m / one) / (jnp.sqrt(v / two) + 1e-8), w, m, v), m, v


def train_helper(state, w, x, negatives, key, t):
    for k in range(rounds):
        key, one = jax.random.split(key)
        h, m, v = state
        state = adam(h, jax.grad(own.helper)(h, w, x, negatives, one), m, v, (t - 1) * rounds + k + 1)
    return state


@jax.jit
def run(state, helper, buffer, key, data, labels):
    def step(carry, t):
        (w, m, v), helper, buffer, key = carry
        key, one, two, three, four = jax.random.split(key, 5)
        i = jax.random.randint(one, (o["batch"],), 0, len(data))
        x, y = data[i], labels[i]
        negatives, buffer = own.negatives(w, x, two, buffer)
        if own.helper:
            helper = train_helper(helper, w, x, negatives, four, t)
        g = jax.grad(own.loss)(w, x, y, three, negatives, helper[0])
        return (adam(w, g, m, v, t), helper, buffer, key), None

    times = jnp.arange(1, o["steps"] + 1, dtype=jnp.float32)
    return jax.lax.scan(step, (state, helper, buffer, key), times)[0]


def with_moments(weights):
    zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
    return weights, zeros, zeros


helper = {"layers": jax_mlp(jax.random.PRNGKey(2), own.widths())}
buffer = jax.random.uniform(key, (10_000, columns_of(e)), minval=-4, maxval=4)
state = (with_moments(initial(key)), with_moments(helper), buffer, key, data, labels)
program = run.lower(*state).compile()  # compiled before the clock starts
# The program is a whole run: a second one warms the caches where the clock is on a step.
serve_training(lambda steps: jax.block_until_ready(program(*state)), warm_up=1 if o["per"] == "step" else 0)
