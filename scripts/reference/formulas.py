"""Energies that are formulas of the rows, without parameters: f(x, spec) -> [n], x [n, d]."""

import math

import torch
from torch import nn

# Activations of layers and expressions; leakyRelu takes its slope.
ACTIVATIONS = {
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "relu": nn.ReLU,
    "leakyRelu": nn.LeakyReLU,
}


def symmetric(value, d):
    value = torch.tensor(value, dtype=torch.float64)
    if value.dim() == 0:
        return value * torch.eye(d, dtype=torch.float64)
    return torch.diag(value) if value.dim() == 1 else value


def gaussian_mixture(x, spec):
    means = torch.tensor(spec["means"], dtype=x.dtype)
    k, d = means.shape
    weights = torch.tensor(spec.get("weights", [1.0] * k), dtype=torch.float64)
    log_weights = (weights / weights.sum()).log().to(x.dtype)
    terms = []
    for i in range(k):
        if "sigmas" in spec:
            sigma = spec["sigmas"] if isinstance(spec["sigmas"], (int, float)) else spec["sigmas"][i]
            covariance = sigma**2 * torch.eye(d, dtype=torch.float64)
        elif "covariances" in spec:
            covariance = symmetric(spec["covariances"][i], d)
        else:
            covariance = torch.linalg.inv(symmetric(spec["precisions"][i], d))
        scale = torch.linalg.cholesky(covariance).to(x.dtype)
        component = torch.distributions.MultivariateNormal(means[i], scale_tril=scale, validate_args=False)
        terms.append(log_weights[i] + component.log_prob(x))
    return -torch.logsumexp(torch.stack(terms, 1), 1)


def double_well(x, spec):
    first, rest = x[:, 0], x[:, 1:]
    well = spec.get("barrier", 1.0) * ((first / spec.get("separation", 1.0)) ** 2 - 1) ** 2
    return well + spec.get("tilt", 0.0) * first + spec.get("stiffness", 1.0) / 2 * (rest**2).sum(1)


def rosenbrock(x, spec):
    head, tail = x[:, :-1], x[:, 1:]
    terms = spec.get("b", 100.0) * (tail - head**2) ** 2 + (spec.get("a", 1.0) - head) ** 2
    return spec.get("scale", 1.0) * terms.sum(1)


def rastrigin(x, spec):
    a = spec.get("a", 10.0)
    return spec.get("scale", 1.0) * (a * x.shape[1] + (x**2 - a * torch.cos(2 * math.pi * x)).sum(1))


def ackley(x, spec):
    a, b, c = spec.get("a", 20.0), spec.get("b", 0.2), spec.get("c", 2 * math.pi)
    bowl = -a * torch.exp(-b * (x**2).mean(1).sqrt())
    return spec.get("scale", 1.0) * (bowl - torch.exp(torch.cos(c * x).mean(1)) + a + math.e)


def funnel(x, spec):
    v, rest = x[:, 0], x[:, 1:]
    # Tensors in the dtype of x: plain numbers would be made float32.
    outer = torch.distributions.Normal(v.new_zeros(()), v.new_tensor(spec.get("sigma", 3.0)))
    inner = torch.distributions.Normal(v.new_zeros(()), torch.exp(v / 2)[:, None])
    return -outer.log_prob(v) - inner.log_prob(rest).sum(1)


def expression(x, spec):
    values = []
    for node in spec["nodes"]:
        values.append(expression_node(node, [values[i] for i in node.get("in", [])], x))
    return values[-1].expand(len(x), 1).squeeze(1)


def expression_node(node, inputs, x):
    op = node["op"]
    if op == "input":
        return x
    if op == "constant":
        return torch.tensor([node["value"]], dtype=x.dtype)
    a = inputs[0]
    if op in ("sum", "mean"):
        return getattr(a, op)(1, keepdim=True)
    if op == "logsumexp":
        return torch.logsumexp(a, 1, keepdim=True)
    if op == "norm":
        return torch.linalg.vector_norm(a, dim=1, keepdim=True)
    if op in ("gt", "ge", "lt", "le"):
        return getattr(torch, op)(a, inputs[1]).to(x.dtype)
    if op == "pow":
        return a ** node["exponent"]
    if op == "matmul":
        return a @ torch.tensor(node["value"], dtype=x.dtype)
    if op == "slice":
        return a[:, node["first"] : node["first"] + node["count"]]
    if op == "columns":
        return a[:, node["index"]]
    if op == "concat":
        rows = max(len(part) for part in inputs)
        return torch.cat([part.expand(rows, -1) for part in inputs], 1)
    if op == "where":
        return torch.where(a != 0, inputs[1], inputs[2])
    if op in ACTIVATIONS:
        return ACTIVATIONS[op]()(a)
    return getattr(torch, op)(*inputs)  # add sub mul div maximum minimum neg square sqrt exp log sin cos abs


FORMULAS = {
    "gaussianMixture": gaussian_mixture,
    "doubleWell": double_well,
    "rosenbrock": rosenbrock,
    "rastrigin": rastrigin,
    "ackley": ackley,
    "funnel": funnel,
    "expression": expression,
}
