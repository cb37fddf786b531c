"""Every energy in plain PyTorch: the same formulas and parameter names as langevin's, written on their own.

build(spec, dtype) gives a torch.nn.Module whose state dict has langevin's parameter names, with two methods:
energy(x, y) -> [n] and, where the model has outputs (logits), outputs(x).

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"cases": [{"spec": {...}, "dtype": "float32", "seed": 7, "parameters": {name: nested list}, "x": [[...]], "y": [...]}]}
  {"results": [{"energy": [...], "score": [[...]], "outputs": [[...]], "state": {name: nested list}}]}
`seed` builds the modules after torch.manual_seed(seed); `parameters`, or the file `safetensors`, are then loaded by
load_state_dict.
"""

import json
import math
import sys

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from formulas import ACTIVATIONS, FORMULAS, symmetric
from safetensors_file import read_safetensors
from states import PairwiseStates, Rbm

DTYPES = {"float32": torch.float32, "float64": torch.float64}
LOG_2PI = math.log(2 * math.pi)


def activation(options):
    name = options.get("activation", "silu")
    if name == "leakyRelu":
        return ACTIVATIONS[name](options.get("negativeSlope", 0.01))
    return ACTIVATIONS[name]()


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, weight):
        return self.factor * weight


def linear(width, out, options, bias=True):
    """nn.Linear, with spectral normalisation where the options ask for it: true, or a bound."""
    module = nn.Linear(width, out, bias=bias)
    bound = float(options.get("spectralNorm", False))
    if bound:
        module = parametrizations.spectral_norm(module).eval()  # no power iterations beside the first ones
        parametrize.register_parametrization(module, "weight", Times(bound))
    return module


def stack(spec, width, out):
    """Linear, activation, ..., Linear(out)."""
    modules = []
    for units in spec.get("hidden", []):
        modules += [linear(width, units, spec), activation(spec)]
        width = units
    return nn.Sequential(*modules, linear(width, out, spec))


class FullBase(nn.Module):
    """(x - m)' P (x - m) / 2 with buffers that are set, not trained."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("precision", torch.eye(width))

    def forward(self, x):
        z = x - self.mean
        return torch.einsum("ni,ij,nj->n", z, self.precision, z) / 2


class Base:
    """Mixed into modules whose spec may have gaussianBase: the attribute `base` exists where it is 'full'."""

    def set_spec(self, spec):
        self.spec = spec
        if spec.get("gaussianBase") == "full":
            self.base = FullBase(len(real_columns(spec)) if spec.get("embed") == "levels" else spec["input"])

    def network(self):
        return [module for name, module in self.named_children() if name != "base"]

    def forward(self, x):
        for module in self.network():
            x = module(x)
        return x

    def gaussian_base(self, x):
        s = self.spec.get("gaussianBase")
        if s is None:
            return 0
        return self.base(x) if s == "full" else (x**2).sum(1) / (2 * s**2)

    def bernoulli_base(self, x):
        p = self.spec.get("bernoulliBase")
        return 0 if p is None else -(x.flatten(1) * torch.logit(torch.as_tensor(p, dtype=x.dtype))).sum(1)


def column_blocks(spec):
    """(block, first column, columns) of a list of blocks, or of { levels }."""
    first, states = 0, spec["states"]
    for block in states if isinstance(states, list) else [{"kind": "categorical", "columns": spec["input"], **states}]:
        levels = block.get("levels", 1) if block["kind"] == "categorical" else 1
        columns = block.get("columns", block.get("length", levels))
        yield block, first, columns
        first += columns


def categorical_columns(spec):
    """(first column, columns, levels) of every variable with an embedding."""
    singles = ("ordinal", "cyclic") if spec.get("embed") == "levels" else ()
    found = []
    for block, first, columns in column_blocks(spec):
        width = block["levels"] if block["kind"] == "categorical" else 1
        if block["kind"] == "categorical" or block["kind"] in singles:
            found += [(column, width, block["levels"]) for column in range(first, first + columns, width)]
    return found


def real_columns(spec):
    """Columns of the real blocks."""
    blocks = column_blocks(spec)
    return [c for block, first, columns in blocks if block["kind"] == "real" for c in range(first, first + columns)]


class Mlp(Base, nn.Sequential):
    def __init__(self, spec):
        super().__init__()
        width, embedding = spec["input"], spec.get("embedding")
        self.categories = categorical_columns(spec) if embedding else []
        if embedding:
            self.embeddings = nn.ModuleList(linear(levels, embedding, spec) for _, _, levels in self.categories)
            width += sum(embedding - columns for _, columns, _ in self.categories)
        for index, module in enumerate(stack(spec, width, 1)):
            self.add_module(str(index), module)
        self.set_spec(spec)

    def network(self):
        return [module for module in super().network() if not isinstance(module, nn.ModuleList)]

    def seen(self, x):
        parts, end = [], 0
        for (first, columns, levels), module in zip(self.categories, getattr(self, "embeddings", [])):
            one = x[:, first : first + columns]
            if columns == 1:  # straight between two levels
                one = torch.relu(1 - (one - torch.arange(levels, dtype=x.dtype)).abs())
            parts += [x[:, end:first], module(one)]
            end = first + columns
        return torch.cat([*parts, x[:, end:]], 1)

    def energy(self, x, y=None):
        base = x[:, real_columns(self.spec)] if self.spec.get("embed") == "levels" else x
        out = self(self.seen(x * self.spec.get("inputScale", 1))).squeeze(1)
        return out + self.gaussian_base(base) + self.bernoulli_base(x)


def axes_of(given):
    """The axes of a row: a number of columns, or a list."""
    return [given] if isinstance(given, int) else list(given)


class Residual(nn.Module):
    def __init__(self, layers, axes):
        super().__init__()
        self.body, _ = layer_list(layers, axes)

    def forward(self, x, y):
        return x + run_layers(self.body, x, y)


class Embedding(nn.Embedding):
    pass


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def conv2d(layer, axes):
    sizes = [pair(layer.get(key, default)) for key, default in (("kernel", 0), ("stride", 1), ("padding", 0))]
    return nn.Conv2d(axes[0], layer["channels"], *sizes, bias=layer.get("bias", True))


def conv_transpose2d(layer, axes):
    keys = (("kernel", 0), ("stride", 1), ("padding", 0), ("outputPadding", 0))
    sizes = [pair(layer.get(key, default)) for key, default in keys]
    return nn.ConvTranspose2d(axes[0], layer["channels"], *sizes, bias=layer.get("bias", True))


def pool(layer, axes):
    kernel = tuple(axes[1:]) if layer["kernel"] == "global" else pair(layer["kernel"])
    stride = pair(layer["stride"]) if "stride" in layer else kernel
    if layer.get("reduce") == "max":
        return nn.MaxPool2d(kernel, stride)
    return nn.AvgPool2d(kernel, stride, divisor_override=1 if layer.get("reduce") == "sum" else None)


def layer_list(layers, axes):
    """The modules, and the axes of a row behind them."""
    modules, axes = [], axes_of(axes)
    for layer in layers:
        kind = layer["kind"]
        if kind == "linear":
            modules.append(linear(axes[0], layer["out"], layer, layer.get("bias", True)))
            axes = [layer["out"]]
        elif kind == "activation":
            modules.append(activation(layer))
        elif kind == "layerNorm":
            affine = layer.get("affine", True)
            modules.append(nn.LayerNorm(axes[0], eps=layer.get("epsilon", 1e-5), elementwise_affine=affine))
        elif kind == "dropout":
            modules.append(nn.Dropout(layer.get("p", 0.5)))
        elif kind == "flatten":
            modules.append(nn.Flatten())
            axes = [math.prod(axes)]
        elif kind == "embedding":
            modules.append(Embedding(layer["classes"], layer["width"]))
            axes = [axes[0] + layer["width"]]
        elif kind == "residual":
            modules.append(Residual(layer["layers"], axes))
        elif kind in IMAGE_LAYERS:
            modules.append(IMAGE_LAYERS[kind](layer, axes))
            axes = list(modules[-1](torch.zeros(1, *axes)).shape[1:])
        else:
            raise ValueError(f"no layer of kind {kind!r}")
    return nn.Sequential(*modules), axes


IMAGE_LAYERS = {
    "conv2d": conv2d,
    "convTranspose2d": conv_transpose2d,
    "pool": pool,
    "upsample": lambda layer, axes: nn.Upsample(scale_factor=pair(layer.get("factor", 2))),
}


def conv_stack(spec, axes, out):
    """Conv2d, activation, ..., Flatten, Linear, ..., Linear(out)."""
    modules, each = [], lambda value, i: value[i] if isinstance(value, list) else value
    for i, channels in enumerate(spec["channels"]):
        kernel = each(spec.get("kernel", 3), i)
        padding = each(spec.get("padding", kernel // 2), i)
        modules += [nn.Conv2d(axes[0], channels, kernel, each(spec.get("stride", 2), i), padding), activation(spec)]
        axes = list(nn.Sequential(*modules[-2:])(torch.zeros(1, *axes)).shape[1:])
    return [*modules, nn.Flatten(), *stack(spec, math.prod(axes), out)]


def network_of(network, input, out):
    """The modules of a spec of the family network."""
    if network["kind"] == "sequential":
        return layer_list(network["layers"], input)[0]
    return conv_stack(network, input, out) if network["kind"] == "conv" else stack(network, input, out)


def run_layers(modules, x, y):
    for module in modules:
        if isinstance(module, Embedding):
            x = torch.cat([x, module(y)], 1)
        elif isinstance(module, Residual):
            x = module(x, y)
        else:
            x = module(x)
    return x


class Sequential(Base, nn.Sequential):
    def __init__(self, spec):
        modules, _ = layer_list(spec["layers"], spec["input"])
        super().__init__(*modules)
        self.set_spec(spec)

    def energy(self, x, y=None):
        images = x.reshape(len(x), *axes_of(self.spec["input"]))
        return run_layers(self.network(), images, y).squeeze(1) + self.gaussian_base(x) + self.bernoulli_base(x)


class Scalar(Sequential):
    """A network of one output: an mlp or a list of layers."""

    def __init__(self, spec):
        nn.Sequential.__init__(self, *network_of(spec["network"], spec["input"], 1))
        self.set_spec(spec)


class Conv(Sequential):
    def __init__(self, spec):
        nn.Sequential.__init__(self, *conv_stack(spec, spec["input"], 1))
        self.set_spec(spec)


class Conditional(Base, nn.Module):
    def __init__(self, spec):
        super().__init__()
        if "classes" in spec:
            width = spec.get("embedding", 16)
            self.embedding = nn.Embedding(spec["classes"], width)
        else:
            width = spec["condition"]
        self.net = stack(spec, spec["input"] + width, 1)
        self.set_spec(spec)

    def energy(self, x, y):
        condition = self.embedding(y) if "classes" in self.spec else y
        return self.net(torch.cat([x, condition], 1)).squeeze(1) + self.gaussian_base(x)


class TwoTower(nn.Module):
    """|f(x) - g(y)|: sum of absolute or of squared differences (LeCun et al. 2006)."""

    def __init__(self, spec):
        super().__init__()
        width = spec.get("width", spec.get("condition"))
        self.x = stack(spec["x"], spec["input"], width)
        if "classes" in spec:
            self.y = nn.Embedding(spec["classes"], width)
        else:
            self.y = stack(spec["y"], spec["condition"], width) if "y" in spec else nn.Identity()
        self.squared = spec.get("norm") == "squared"

    def energy(self, x, y):
        difference = self.x(x) - self.y(y)
        return (difference**2 if self.squared else difference.abs()).sum(1)


class Classifier(Base, nn.Sequential):
    def __init__(self, spec):
        if "network" in spec:
            super().__init__(*network_of(spec["network"], spec["input"], spec["classes"]))
        else:
            super().__init__(*stack(spec, spec["input"], spec["classes"]))
        self.set_spec(spec)

    def outputs(self, x):
        return run_layers(self.network(), x.reshape(len(x), *axes_of(self.spec["input"])), None)

    def energy(self, x, y=None):
        logits = self.outputs(x)
        free = -torch.logsumexp(logits, 1) if y is None else -logits[torch.arange(len(x)), y]
        return free + self.gaussian_base(x)


class Regressor(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.input, self.out = spec["input"], spec.get("output", 1)
        self.net = stack(spec, self.input, self.out)
        self.register_buffer("logVariance", torch.full((1,), 2 * math.log(spec.get("sigma", 1.0))))

    def outputs(self, rows):
        return self.net(rows[:, : self.input])

    def energy(self, rows, y=None):
        residual = rows[:, self.input :] - self.outputs(rows)
        squared = (residual**2).sum(1)
        return squared / (2 * self.logVariance.exp()) + self.out * self.logVariance / 2


class MixtureDensity(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.input, self.out, self.k = spec["input"], spec.get("output", 1), spec.get("components", 4)
        self.floor = math.log(spec.get("sigmaFloor", 1e-3))
        self.net = stack(spec, self.input, self.k * (self.out + 2))

    def outputs(self, rows):
        return self.net(rows[:, : self.input])

    def energy(self, rows, y=None):
        raw = self.outputs(rows)
        log_weight = raw[:, : self.k].log_softmax(1)
        mean = raw[:, self.k : self.k * (1 + self.out)].reshape(-1, self.k, self.out)
        log_sigma = self.floor + nn.functional.softplus(raw[:, self.k * (1 + self.out) :] - self.floor)
        target = rows[:, None, self.input :]
        normal = torch.distributions.Normal(mean, log_sigma.exp()[:, :, None])
        return -torch.logsumexp(log_weight + normal.log_prob(target).sum(2), 1)


class Gaussian(nn.Module):
    def __init__(self, spec):
        super().__init__()
        mean = torch.tensor(spec["mean"], dtype=torch.float64)
        for name, value in (("mean", mean), ("precision", symmetric(spec["precision"], len(mean)))):
            value = value.to(torch.get_default_dtype())
            if spec.get("learnable", False):
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def energy(self, x, y=None):
        z = x - self.mean
        return torch.einsum("ni,ij,nj->n", z, self.precision, z) / 2


class Analytic(Base, nn.Module):
    """A formula without parameters."""

    def __init__(self, formula, spec):
        super().__init__()
        self.formula = formula
        self.set_spec(spec)

    def energy(self, x, y=None):
        return self.formula(x, self.spec) + self.gaussian_base(x)


MODULES = {
    "mlp": Mlp,
    "conv": Conv,
    "sequential": Sequential,
    "scalar": Scalar,
    "conditional": Conditional,
    "twoTower": TwoTower,
    "classifier": Classifier,
    "regressor": Regressor,
    "mixtureDensity": MixtureDensity,
    "gaussian": Gaussian,
    "rbm": Rbm,
    "ising": PairwiseStates,
    "potts": PairwiseStates,
}
def build(spec, dtype=torch.float32):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        kind = spec["kind"]
        return MODULES[kind](spec).eval() if kind in MODULES else Analytic(FORMULAS[kind], spec).eval()
    finally:
        torch.set_default_dtype(before)


def run_case(case):
    dtype = DTYPES[case.get("dtype", "float32")]
    if "seed" in case:
        torch.manual_seed(case["seed"])
    model = build(case["spec"], dtype)
    result = {"state": {name: value.tolist() for name, value in model.state_dict().items()}}
    if "parameters" in case:
        values = {name: torch.tensor(value, dtype=dtype) for name, value in case["parameters"].items()}
        model.load_state_dict(values)
    if "safetensors" in case:
        state = read_safetensors(case["safetensors"])
        if state:  # a formula without parameters leaves nothing to load
            model.load_state_dict(state)
    if "x" not in case:
        return result
    x = torch.tensor(case["x"], dtype=dtype, requires_grad=True)
    y = case.get("y")
    if y is not None:
        y = torch.tensor(y, dtype=dtype if isinstance(y[0], list) else torch.int64)
    energy = model.energy(x, y)
    (gradient,) = torch.autograd.grad(energy.sum(), x)
    result["energy"] = energy.tolist()
    result["score"] = (-gradient).tolist()
    if hasattr(model, "outputs"):
        result["outputs"] = model.outputs(x).tolist()
    return result


if __name__ == "__main__":
    torch.set_num_threads(1)
    request = json.load(sys.stdin)
    json.dump({"results": [run_case(case) for case in request["cases"]]}, sys.stdout)
