"""Full-batch training of a two-layer GCN as langevin does it: mean cross-entropy of the training nodes with dropout between the
layers, Adam with an L2 penalty (torch.optim.Adam), the validation loss after each update.

As a script it trains without dropout from given weights and writes the losses of each library as JSON, for the test:
  {"indptr", "indices", "values", "shape", "edges", "labels", "train", "validation", "parameters", "epochs", "learningRate", "weightDecay"}
  -> {"torch": {"loss": [...], "validationLoss": [...]}, "jax": ... or null}
"""

import importlib.util
import json
import sys

import numpy as np


class Problem:
    """A graph in numbers: features as CSR, the symmetrically normalised adjacency with self loops, and who is trained on."""

    def __init__(self, indptr, indices, values, shape, edges, labels, train, validation):
        self.n, self.d = int(shape[0]), int(shape[1])
        self.features = tuple(np.asarray(a) for a in (indptr, indices, values))
        self.labels = np.asarray(labels, dtype=np.int64)
        self.train, self.validation = np.asarray(train), np.asarray(validation)
        loops = np.arange(self.n)
        source, target = np.concatenate([edges[0], loops]), np.concatenate([edges[1], loops])
        order = np.lexsort((source, target))
        self.source, self.target = source[order], target[order]
        degree = np.bincount(self.target, minlength=self.n).astype(np.float64)
        self.weights = (degree[self.source] * degree[self.target]) ** -0.5

    def rows(self):
        """The row of each entry of the features."""
        return np.repeat(np.arange(self.n), np.diff(self.features[0]))


def read(path, seed=1, per_class=20):
    """Cora-ML and its like, prepared as langevin's side of the case: binarised, divided by the Euclidean norm, in both directions."""
    z = np.load(path)
    n = int(z["adj_shape"][0])
    source = np.repeat(np.arange(n), np.diff(z["adj_indptr"]))
    target = z["adj_indices"].astype(np.int64)
    keys = np.unique(np.concatenate([source * n + target, target * n + source]))
    edges = np.stack([keys // n, keys % n])
    edges = edges[:, edges[0] != edges[1]]
    indptr = z["attr_indptr"].astype(np.int64)
    counts = np.diff(indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    labels = z["labels"].astype(np.int64)
    order = np.random.default_rng(seed).permutation(n)
    train = np.concatenate([order[labels[order] == c][:per_class] for c in range(labels.max() + 1)])
    rest = np.setdiff1d(order, train)
    validation = rest[: int(0.8 * n) - len(train)]
    shape = z["attr_shape"]
    return Problem(indptr, z["attr_indices"].astype(np.int64), values, shape, edges, labels, train, validation)


def torch_training(problem, parameters, dropout, learning_rate, weight_decay, dtype):
    """step() -> (loss, validation loss). Sparse products by CSR matrices (MKL) and their transposes, each made once."""
    import torch
    import torch.nn.functional as F

    def csr(pointer, columns, values, shape):
        return torch.sparse_csr_tensor(
            torch.tensor(pointer), torch.tensor(columns), torch.tensor(values, dtype=dtype), size=shape
        )

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(context, dense, matrix, turned):
            context.turned = turned
            return matrix @ dense

        @staticmethod
        def backward(context, gradient):
            return context.turned @ gradient, None, None

    n, d = problem.n, problem.d
    indptr, indices, values = problem.features
    x = csr(indptr, indices, values, (n, d))
    order = np.argsort(indices, kind="stable")
    pointer = np.concatenate([[0], np.cumsum(np.bincount(indices, minlength=d))])
    turned = csr(pointer, problem.rows()[order], values[order], (d, n))
    pointer = np.concatenate([[0], np.cumsum(np.bincount(problem.target, minlength=n))])
    spread = csr(pointer, problem.source, problem.weights, (n, n))  # its own transpose
    p = {name: torch.tensor(value, dtype=dtype).requires_grad_() for name, value in parameters.items()}
    adam = torch.optim.Adam(p.values(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    labels, train, validation = (torch.tensor(a) for a in (problem.labels, problem.train, problem.validation))

    def forward(drop):
        h = Product.apply(p["conv1.lin.weight"].t().contiguous(), x, turned)
        h = (Product.apply(h, spread, spread) + p["conv1.bias"]).relu()
        h = F.dropout(h, dropout, drop and dropout > 0)
        return Product.apply(h @ p["conv2.lin.weight"].t(), spread, spread) + p["conv2.bias"]

    def step():
        loss = F.cross_entropy(forward(True)[train], labels[train])
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            return loss.item(), F.cross_entropy(forward(False)[validation], labels[validation]).item()

    return step


def jax_training(problem, parameters, dropout, learning_rate, weight_decay, dtype):
    """step() -> (loss, validation loss), one compiled program. Sparse products by gathers and sorted segment sums."""
    import jax
    import jax.numpy as jnp

    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    number = jnp.dtype(dtype)
    indices, values = jnp.asarray(problem.features[1]), jnp.asarray(problem.features[2], number)
    rows = jnp.asarray(problem.rows())
    source, target = jnp.asarray(problem.source), jnp.asarray(problem.target)
    weights = jnp.asarray(problem.weights, number)
    labels, train, validation = (jnp.asarray(a) for a in (problem.labels, problem.train, problem.validation))

    def summed(messages, places):
        return jax.ops.segment_sum(messages, places, problem.n, indices_are_sorted=True)

    def forward(p, key):
        h = summed(p["conv1.lin.weight"].T[indices] * values[:, None], rows)
        h = jax.nn.relu(summed(h[source] * weights[:, None], target) + p["conv1.bias"])
        if key is not None and dropout > 0:
            h = jnp.where(jax.random.bernoulli(key, 1 - dropout, h.shape), h / (1 - dropout), 0)
        return summed((h @ p["conv2.lin.weight"].T)[source] * weights[:, None], target) + p["conv2.bias"]

    def cross_entropy(p, key, nodes):
        logits = jax.nn.log_softmax(forward(p, key)[nodes])
        return -jnp.take_along_axis(logits, labels[nodes][:, None], 1).mean()

    @jax.jit
    def update(p, m, v, t, key):
        loss, g = jax.value_and_grad(cross_entropy)(p, key, train)
        tree = jax.tree_util.tree_map
        g = tree(lambda g, w: g + weight_decay * w, g, p)
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        one, two = 1 - 0.9**t, 1 - 0.999**t
        p = tree(lambda w, m, v: w - learning_rate * (m / one) / (jnp.sqrt(v / two) + 1e-8), p, m, v)
        return p, m, v, loss, cross_entropy(p, None, validation)

    p = {name: jnp.asarray(value, number) for name, value in parameters.items()}
    zeros = jax.tree_util.tree_map(jnp.zeros_like, p)
    state = {"p": p, "m": zeros, "v": zeros, "t": 0}

    def step():
        state["t"] += 1
        key = jax.random.PRNGKey(state["t"])
        state["p"], state["m"], state["v"], loss, validation_loss = update(
            state["p"], state["m"], state["v"], jnp.asarray(state["t"], number), key
        )
        return float(loss), float(validation_loss)

    return step


def glorot(problem, hidden, classes):
    """Weights as large as langevin's."""
    random = np.random.default_rng(0)
    uniform = lambda a, b: random.uniform(-1, 1, (b, a)) * np.sqrt(6 / (a + b))
    return {
        "conv1.lin.weight": uniform(problem.d, hidden),
        "conv1.bias": np.zeros(hidden),
        "conv2.lin.weight": uniform(hidden, classes),
        "conv2.bias": np.zeros(classes),
    }


def replay(request):
    names = ("indptr", "indices", "values", "shape", "edges", "labels", "train", "validation")
    problem = Problem(**{name: np.asarray(request[name]) for name in names})
    settings = (request["parameters"], 0, request["learningRate"], request["weightDecay"])
    answer = {"jax": None}
    import torch

    makers = {"torch": lambda: torch_training(problem, *settings, torch.float64)}
    if importlib.util.find_spec("jax"):
        makers["jax"] = lambda: jax_training(problem, *settings, "float64")
    for name, make in makers.items():
        step = make()
        losses = [step() for _ in range(request["epochs"])]
        answer[name] = {"loss": [a for a, _ in losses], "validationLoss": [b for _, b in losses]}
    return answer


if __name__ == "__main__":
    json.dump(replay(json.load(sys.stdin)), sys.stdout)
