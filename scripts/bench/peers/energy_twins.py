"""Every energy kind once, over the names of libraries.py: what the cases energies, layers and samplers run beside langevin.

twin(L, spec) gives its parameters by langevin's names (`shapes`: role and shape, PyTorch's layout), `load` (arrays of
them, with what is computed of them once), and energy(x, p, y) -> [n]. Formulas as in native/core/energies; tests/bench/twins.test.ts compares them.
"""

import math

from image_twins import IMAGE_LAYERS, conv, shaped
from trial import means_of, precision_of

LOG_2PI = math.log(2 * math.pi)


class Twin:
    def __init__(self, L, spec):
        self.L, self.spec = L, spec
        self.shapes, self.steps, self.constants = {}, [], {}
        self.network = None  # outputs(x, p, y), where the kind has a network
        self.energy = ENERGIES[spec["kind"]](self, spec)

    def parameter(self, name, role, *shape):
        """`role`: 'weight' of a linear layer [out, in], or 'plain'."""
        self.shapes[name] = (role, shape)
        return name

    def load(self, arrays, dtype):
        """Parameters from nested lists or from the library's arrays, in the layout of the library's products."""
        L, d = self.L, {}
        for name, (role, _) in self.shapes.items():
            value = L.array(arrays[name], dtype) if isinstance(arrays[name], (list, float)) else arrays[name]
            d[name] = L.weight(value) if role == "weight" else value
        d |= {name: L.array(value, dtype) for name, value in self.constants.items()}
        for step in self.steps:
            step(d)
        return d

    def random(self, seed, dtype):
        """Parameters of the size torch.nn starts with."""
        arrays = {}
        for i, (name, (_, shape)) in enumerate(self.shapes.items()):
            arrays[name] = self.L.start(seed + i, shape, dtype, (shape[-1] + 1) ** -0.5)
        return self.load(arrays, dtype)

    def linear(self, prefix, width, out, bias=True, spectral_norm=False):
        if spectral_norm:
            inner = prefix + "parametrizations.weight."
            names = [
                self.parameter(inner + "original", "plain", out, width),
                self.parameter(inner + "0._u", "plain", out),
                self.parameter(inner + "0._v", "plain", width),
            ]

            def divide(p):
                w, u, v = (p.pop(name) for name in names)
                p[prefix + "weight"] = self.L.weight(float(spectral_norm) * w / (u @ (w @ v)))

            self.steps.append(divide)
        else:
            self.parameter(prefix + "weight", "weight", out, width)
        if bias:
            self.parameter(prefix + "bias", "plain", out)
        return lambda x, p, y: self.L.linear(x, p[prefix + "weight"], p[prefix + "bias"] if bias else None)

    def stack(self, prefix, spec, width, out):
        """Linear, activation, ..., Linear(out)."""
        parts = []
        for i, units in enumerate(spec.get("hidden", [])):
            parts.append(self.linear(f"{prefix}{2 * i}.", width, units))
            parts.append(self.activation(spec))
            width = units
        parts.append(self.linear(f"{prefix}{len(parts)}.", width, out))
        return chain(parts)

    def activation(self, spec):
        f = getattr(self.L, spec.get("activation", "silu"))
        return lambda x, p, y: f(x)

    def layers(self, prefix, layers, width):
        parts = []
        for i, layer in enumerate(layers):
            part, width = LAYERS[layer["kind"]](self, f"{prefix}{i}.", layer, width)
            parts.append(part)
        return chain(parts), width

    def base(self, spec):
        """What gaussianBase adds."""
        s = spec.get("gaussianBase")
        if s is None:
            return lambda x, p: 0
        if s != "full":
            return lambda x, p: (x * x).sum(1) / (2 * s**2)
        self.parameter("base.mean", "plain", spec["input"])
        self.parameter("base.precision", "plain", spec["input"], spec["input"])
        return lambda x, p: quadratic(x - p["base.mean"], p["base.precision"])


def chain(parts):
    def run(x, p, y):
        for part in parts:
            x = part(x, p, y)
        return x

    return run


def quadratic(z, precision):
    return ((z @ precision) * z).sum(1) / 2


def plus_base(t, spec, network):
    base = t.base(spec)
    t.network = network
    return lambda x, p, y: network(x, p, y)[:, 0] + base(x, p)


def embedding(t, prefix, layer, width):
    name = t.parameter(prefix + "weight", "plain", layer["classes"], layer["width"])
    return (lambda x, p, y: t.L.concat([x, p[name][y]])), width + layer["width"]


def layer_norm(t, prefix, layer, width):
    eps, affine = layer.get("epsilon", 1e-5), layer.get("affine", True)
    if affine:
        t.parameter(prefix + "weight", "plain", width)
        t.parameter(prefix + "bias", "plain", width)
    get = lambda p, name: p[prefix + name] if affine else None
    return (lambda x, p, y: t.L.layer_norm(x, get(p, "weight"), get(p, "bias"), eps)), width


def residual(t, prefix, layer, width):
    body, _ = t.layers(prefix + "body.", layer["layers"], width)
    return (lambda x, p, y: x + body(x, p, y)), width


same = lambda t, prefix, layer, width: ((lambda x, p, y: x), width)
LAYERS = {
    "linear": lambda t, prefix, o, width: (
        t.linear(prefix, width, o["out"], o.get("bias", True), o.get("spectralNorm", False)),
        o["out"],
    ),
    "activation": lambda t, prefix, layer, width: (t.activation(layer), width),
    "layerNorm": layer_norm,
    "dropout": same,  # outside training
    "residual": residual,
    "embedding": embedding,
    **IMAGE_LAYERS,
}


def sequential(t, spec):
    network, _ = t.layers("", spec["layers"], spec["input"])
    return plus_base(t, spec, shaped(spec["input"], network))


def scalar(t, spec):
    network = spec["network"]
    if network["kind"] == "sequential":
        return sequential(t, {**spec, "layers": network["layers"]})
    return plus_base(t, spec, t.stack("", network, spec["input"], 1))


def conditional(t, spec):
    table = t.parameter("embedding.weight", "plain", spec["classes"], 16) if "classes" in spec else None
    net = t.stack("net.", spec, spec["input"] + (spec["condition"] if table is None else 16), 1)
    return plus_base(t, spec, lambda x, p, y: net(t.L.concat([x, y if table is None else p[table][y]]), p, y))


def two_tower(t, spec):
    f = t.stack("x.", spec["x"], spec["input"], spec["width"])
    if "classes" in spec:
        table = t.parameter("y.weight", "plain", spec["classes"], spec["width"])
        g = lambda p, y: p[table][y]
    else:
        tower = t.stack("y.", spec["y"], spec["condition"], spec["width"])
        g = lambda p, y: tower(y, p, None)
    return lambda x, p, y: t.L.abs(f(x, p, None) - g(p, y)).sum(1)


def classifier(t, spec):
    t.network = t.stack("", spec, spec["input"], spec["classes"])
    return lambda x, p, y: -t.L.logsumexp(t.network(x, p, y), 1)


def regressor(t, spec):
    d = spec["input"]
    net = t.stack("net.", spec, d, 1)
    variance = t.parameter("logVariance", "plain", 1)

    def energy(x, p, y):
        off = x[:, d:] - net(x[:, :d], p, y)
        return (off * off).sum(1) / (2 * t.L.exp(p[variance])) + p[variance] / 2

    return energy


def mixture_density(t, spec):
    L, d, k = t.L, spec["input"], spec.get("components", 4)
    net, floor = t.stack("net.", spec, d, 3 * k), math.log(1e-3)

    def energy(x, p, y):
        raw = net(x[:, :d], p, y)
        log_sigma = floor + L.softplus(raw[:, 2 * k :] - floor)
        z = (x[:, d:] - raw[:, k : 2 * k]) * L.exp(-log_sigma)
        return -L.logsumexp(L.log_softmax(raw[:, :k], 1) - z * z / 2 - LOG_2PI / 2 - log_sigma, 1)

    return energy


def gaussian(t, spec):
    d, form = spec["input"], spec.get("precision", "full")
    t.constants["mean"] = [0.0] * d
    if form == "one":
        return lambda x, p, y: 0.75 * ((x - p["mean"]) ** 2).sum(1)
    if form == "diagonal":
        t.constants["precision"] = [1.0 + i % 3 for i in range(d)]
        return lambda x, p, y: ((x - p["mean"]) ** 2 * p["precision"]).sum(1) / 2
    t.constants["precision"] = precision_of(spec)
    return lambda x, p, y: quadratic(x - p["mean"], p["precision"])


def cholesky(d, scale):
    """Lower factor of the precision of trial.py times `scale`: two diagonals."""
    rows, below = [], 0.0
    for i in range(d):
        diagonal = math.sqrt(2 * scale - below**2)
        rows.append([0.0] * (i - 1) + ([below] if i else []) + [diagonal] + [0.0] * (d - 1 - i))
        below = 0.5 * scale / diagonal
    return rows


def gaussian_mixture(t, spec):
    """-log sum_k w_k N(x; m_k, C_k): products of matrices, no [n, k, d] where the components are round."""
    L, d, means = t.L, spec["input"], means_of(spec)
    start = -math.log(len(means)) - d / 2 * LOG_2PI
    t.constants["means"] = means
    if spec.get("precision") != "full":
        t.constants["level"] = [start - sum(m * m for m in mean) / 2 for mean in means]
        return lambda x, p, y: (x * x).sum(1) / 2 - L.logsumexp(x @ p["means"].T + p["level"], 1)
    factors = [cholesky(d, 1 + k / 10) for k in range(len(means))]
    t.constants["factors"] = factors
    t.constants["level"] = [start + sum(math.log(row[i]) for i, row in enumerate(factor)) for factor in factors]

    def energy(x, p, y):
        z = (x - p["means"][:, None]) @ p["factors"]  # [k, n, d]
        return -L.logsumexp(p["level"][:, None] - (z * z).sum(2) / 2, 0)

    return energy


def double_well(t, spec):
    return lambda x, p, y: (x[:, 0] ** 2 - 1) ** 2 + (x[:, 1:] ** 2).sum(1) / 2


def rosenbrock(t, spec):
    def energy(x, p, y):
        head = x[:, :-1]
        return (100 * (x[:, 1:] - head * head) ** 2 + (1 - head) ** 2).sum(1)

    return energy


def rastrigin(t, spec):
    return lambda x, p, y: 10 * x.shape[1] + (x * x - 10 * t.L.cos(2 * math.pi * x)).sum(1)


def ackley(t, spec):
    L = t.L
    return lambda x, p, y: (
        -20 * L.exp(-0.2 * L.sqrt((x * x).mean(1))) - L.exp(L.cos(2 * math.pi * x).mean(1)) + 20 + math.e
    )


def funnel(t, spec):
    d, rest = spec["input"], math.log(3) + spec["input"] / 2 * LOG_2PI

    def energy(x, p, y):
        v = x[:, 0]
        return v * v / 18 + t.L.exp(-v) / 2 * (x[:, 1:] ** 2).sum(1) + (d - 1) * v / 2 + rest

    return energy


def rbm(t, spec):
    bias = t.parameter("bias", "plain", spec["input"])
    t.network = t.linear("hidden.", spec["input"], spec["hidden"])
    return lambda x, p, y: -(x @ p[bias]) - t.L.softplus(t.network(x, p, y)).sum(1)


def lattice_of(spec):
    """Rows and columns of a lattice of one or two axes."""
    return ([1] + spec["lattice"])[-2:]


def pairs_of(rows, columns, axis):
    """Each site and its next neighbour along an axis, and whether that pair counts (on an axis of 2 it is counted once)."""
    length = (rows, columns)[axis]
    here, there, counts = [], [], []
    for r in range(rows):
        for c in range(columns):
            at = (r, c)[axis]
            to = ((r + 1) % rows, c) if axis == 0 else (r, (c + 1) % columns)
            here.append(r * columns + c)
            there.append(to[0] * columns + to[1])
            counts.append(float(length > 2 or at + 1 < length))
    return here, there, counts


def symmetric(p):
    return (p["coupling"] + p["coupling"].T) / 2


def ising(t, spec):
    """On a lattice each spin times its next neighbours, shifted arrays; else all pairs, one product."""
    L = t.L
    d = spec.get("sites") or math.prod(spec["lattice"])
    t.parameter("coupling", "plain", d, d)
    t.parameter("field", "plain", d)
    if "sites" in spec:

        def without_diagonal(p):
            p["J"] = symmetric(p) - L.diagonal(symmetric(p))

        t.steps.append(without_diagonal)
        return lambda x, p, y: -quadratic(x, p["J"]) - x @ p["field"]
    rows, columns = lattice_of(spec)

    def of_pairs(p):
        for axis, name in enumerate(("down", "right")):
            here, there, counts = pairs_of(rows, columns, axis)
            index = lambda i: L.array(i, "int32")
            weights = L.cast(L.array(counts, "float32"), p["coupling"])
            p[name] = (symmetric(p)[index(here), index(there)] * weights).reshape(rows, columns)

    t.steps.append(of_pairs)

    def energy(x, p, y):
        s = x.reshape(-1, rows, columns)
        pairs = s * (p["down"] * L.roll(s, -1, 1) + p["right"] * L.roll(s, -1, 2))
        return -pairs.reshape(x.shape).sum(1) - x @ p["field"]

    return energy


def potts(t, spec):
    d = math.prod(spec["lattice"]) * spec["levels"]
    t.parameter("coupling", "plain", d, d)
    t.parameter("field", "plain", d)
    t.steps.append(lambda p: p.update(J=symmetric(p)))
    return lambda x, p, y: -quadratic(x, p["J"]) - x @ p["field"]


def expression(t, spec):
    """The formulas of langevin/energies.mjs."""
    L, d = t.L, spec["input"]

    def bumps(x, p, y):
        return L.log(1 + x * x).sum(1) + (L.sin(3 * x) * L.exp(-L.abs(x))).sum(1)

    def volatility(x, p, y):
        """A random walk of log variances behind given returns."""
        off = x[:, 1:] - 0.95 * x[:, :-1]
        return 2 * (off * off).sum(1) + (x + p["squares"] * L.exp(-x)).sum(1) / 2

    def regression(x, p, y):
        z = x @ p["design"]
        return L.softplus(z).sum(1) - (z * p["answers"]).sum(1) + (x * x).sum(1) / 2

    t.constants |= {
        "squares": [math.sin(1 + i) ** 2 for i in range(d)],
        "answers": [float(j % 2) for j in range(64)],
        "design": [[math.sin(1 + 7 * i + j) / math.sqrt(d) for j in range(64)] for i in range(d)],
    }
    return {"bumps": bumps, "volatility": volatility, "regression": regression}[spec["formula"]]


ENERGIES = {
    "mlp": lambda t, spec: plus_base(t, spec, t.stack("", spec, spec["input"], 1)),
    "conv": lambda t, spec: plus_base(t, spec, conv(t, spec)),
    "sequential": sequential,
    "scalar": scalar,
    "conditional": conditional,
    "twoTower": two_tower,
    "classifier": classifier,
    "regressor": regressor,
    "mixtureDensity": mixture_density,
    "gaussian": gaussian,
    "gaussianMixture": gaussian_mixture,
    "doubleWell": double_well,
    "rosenbrock": rosenbrock,
    "rastrigin": rastrigin,
    "ackley": ackley,
    "funnel": funnel,
    "rbm": rbm,
    "ising": ising,
    "potts": potts,
    "expression": expression,
}
