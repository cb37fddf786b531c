"""The losses of both libraries at given weights and with given random numbers, for tests/bench/losses.test.ts.

Generators are replaced by a tape of arrays: a twin that draws fewer numbers, or more, does not read the tape to its end.
Reads one JSON request from standard input and writes one JSON answer to standard output, everything in double precision:
  {"cases": [{"options", "weights": [W, b, ...], "own": log Z or the bias of an rbm, "helper": [W, b, ...],
              "x", "y", "buffer", "tape": {"normal" | "sign" | "uniform" | "index": [array, ...]},
              "libraries": ["jax", "torch"]}]}
  {"jax": [{"loss", "gradient": [W, b, ...], "own", "helper": {"loss", "gradient"}, "rounds", "buffer", "unread"}], "torch": [...]}
with null for a case that is not asked of this library, or where JAX is not installed.
"""

import importlib
import json
import sys

import numpy as np

import trial

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
try:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
except ModuleNotFoundError:
    jax = None


class Tape:
    def __init__(self, arrays, convert):
        self.arrays = {kind: list(values) for kind, values in arrays.items()}
        self.convert = convert
        self.keys = set()

    def read(self, kind, shape, key=None):
        """The next array of this kind; a key of JAX may serve once only, or its numbers would be the same again."""
        if key is not None:
            assert key.tobytes() not in self.keys, f"{kind}: a key is used twice"
            self.keys.add(key.tobytes())
        assert self.arrays.get(kind), f"{kind}: more numbers are drawn than langevin draws"
        dtype = np.int64 if kind == "index" else np.float64
        return self.convert(np.asarray(self.arrays[kind].pop(0), dtype=dtype).reshape(shape))

    def unread(self):
        return sum(len(values) for values in self.arrays.values())


def fresh(module):
    """The module as it is made for the present options."""
    sys.modules.pop(module, None)
    return importlib.import_module(module)


def replaced(module, generators):
    """Puts these generators into the module and returns those that were there."""
    before = {name: getattr(module, name) for name in generators}
    for name, generator in generators.items():
        setattr(module, name, generator)
    return before


def jax_generators(tape):
    read = lambda kind, shape, key: tape.read(kind, shape, np.asarray(key))
    uniform = lambda key, shape, minval=0, maxval=1: minval + (maxval - minval) * read("uniform", shape, key)
    return {
        "normal": lambda key, shape: read("normal", shape, key),
        "rademacher": lambda key, shape, dtype: read("sign", shape, key),
        "uniform": uniform,
        "bernoulli": lambda key, p, shape: uniform(key, shape) < p,
        "randint": lambda key, shape, low, high: read("index", shape, key),
    }


def torch_generators(tape):
    shape_of = lambda shape: shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    bits = lambda shape: (tape.read("sign", shape) + 1) / 2
    return {
        "randn": lambda *shape: tape.read("normal", shape_of(shape)),
        "randn_like": lambda x: tape.read("normal", x.shape),
        "rand": lambda *shape: tape.read("uniform", shape_of(shape)),
        "rand_like": lambda x: tape.read("uniform", x.shape),
        "randint": lambda high, shape: bits(shape) if high == 2 else tape.read("index", shape),
    }


def flat(layers):
    return [np.asarray(part).T.tolist() for pair in layers for part in pair]


def layered(weights):
    arrays = [jnp.asarray(np.asarray(w, dtype=np.float64).T) for w in weights]
    return list(zip(arrays[::2], arrays[1::2]))


def by_jax(case):
    tape = Tape(case["tape"], jnp.asarray)
    kept = replaced(jax.random, jax_generators(tape))
    try:
        losses = fresh("jax_losses")
        twin = losses.twin()
        own = {"rbm": "bias"}.get(losses.e["kind"], "logZ")
        w = {"layers": layered(case["weights"])} | ({own: jnp.asarray(case["own"], dtype=float)} if "own" in case else {})
        h = {"layers": layered(case["helper"])} if "helper" in case else {"layers": []}
        x, y = jnp.asarray(case["x"], dtype=float), jnp.asarray(case["y"])
        one, two, three = jax.random.split(jax.random.PRNGKey(1), 3)
        negatives, buffer = twin.negatives(w, x, one, jnp.asarray(case["buffer"]))
        loss, gradient = jax.value_and_grad(twin.loss)(w, x, y, two, negatives, h)
        answer = {"loss": loss.item(), "gradient": flat(gradient["layers"]), "rounds": twin.rounds()}
        if own in gradient:
            answer["own"] = gradient[own].tolist()
        if twin.helper:
            value, slope = jax.value_and_grad(twin.helper)(h, w, x, negatives, three)
            answer["helper"] = {"loss": value.item(), "gradient": flat(slope["layers"])}
        return answer | {"buffer": buffer.tolist(), "unread": tape.unread()}
    finally:
        replaced(jax.random, kept)


def fill(parameters, weights):
    with torch.no_grad():
        for parameter, values in zip(parameters, weights, strict=True):
            parameter.copy_(torch.tensor(values))


def slope_of(parameter):
    """A bias that only lifts the energy has no gradient where only slopes of the energy enter."""
    return (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).tolist()


def by_torch(case):
    losses = fresh("pytorch_losses")
    twin, updates = losses.twin(), []
    fill(losses.net.parameters(), case["weights"])
    fill(losses.extras, [case["own"]] if "own" in case else [])
    losses.buffer = torch.tensor(case["buffer"], dtype=torch.float64)
    if "helper" in case:
        helper = list(losses.HELPERS[0].parameters())
        fill(helper, case["helper"])

        def update_helper(loss):
            """Notes what the helper's step would see, and leaves the helper as it is."""
            slope = torch.autograd.grad(loss, helper, retain_graph=True)
            updates.append({"loss": loss.item(), "gradient": [g.tolist() for g in slope]})

        losses.update_helper = update_helper
    tape = Tape(case["tape"], torch.as_tensor)
    kept = replaced(torch, torch_generators(tape))
    try:
        loss = twin.loss(torch.tensor(case["x"], dtype=torch.float64), torch.tensor(case["y"]))
    finally:
        replaced(torch, kept)
    loss.backward()
    answer = {"loss": loss.item(), "gradient": [slope_of(p) for p in losses.net.parameters()]}
    if losses.extras:
        answer["own"] = losses.extras[0].grad.tolist()
    if updates:
        answer["helper"] = updates[0]
    return answer | {"rounds": max(1, len(updates)), "buffer": losses.buffer.tolist(), "unread": tape.unread()}


def with_jax(case):
    # Without compilation a scan is a loop, and each of its steps reads the tape.
    with jax.disable_jit():
        return by_jax(case)


def answer_of(case, library):
    if library not in case["libraries"] or (library == "jax" and jax is None):
        return None
    trial.options.clear()
    trial.options.update(case["options"], threads=1)
    try:
        return {"jax": with_jax, "torch": by_torch}[library](case)
    except (AssertionError, ValueError) as problem:
        return {"problem": str(problem)}


if __name__ == "__main__":
    cases = json.load(sys.stdin)["cases"]
    answers = {library: [answer_of(case, library) for case in cases] for library in ("jax", "torch")}
    json.dump(answers, sys.stdout)
