"""Microseconds per Langevin step in eager PyTorch, or with "compile": true a step through torch.compile."""

import time

from trial import means_of, options as o, precision_of, serve, torch_mlp, torch_threads, unsupported, widths_of

torch = torch_threads()
h = o.get("stepSize", 0.001)
e = o["energy"]

if e["kind"] == "mlp":
    model = torch_mlp(widths_of(e))
    for p in model.parameters():
        p.requires_grad_(False)
    energy = lambda x: model(x).sum()
elif e["kind"] == "doubleWell":
    energy = lambda x: ((x[:, 0] ** 2 - 1) ** 2).sum() + (x[:, 1:] ** 2).sum() / 2
elif e["kind"] == "gaussian":
    precision = torch.tensor(precision_of(e))
    energy = lambda x: ((x @ precision) * x).sum() / 2
elif e["kind"] == "gaussianMixture":
    means = torch.tensor(means_of(e))
    energy = lambda x: -torch.logsumexp((x[:, None, :] - means).square().sum(2) * -0.5, 1).sum()
else:
    unsupported(f"no PyTorch twin of {e['kind']}")


def eager(x):
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(energy(x), x)
    return (x - h / 2 * gradient + h**0.5 * torch.randn_like(x)).detach()


def functional(x):
    return x - h / 2 * torch.func.grad(energy)(x) + h**0.5 * torch.randn_like(x)


step = torch.compile(functional) if o.get("compile") else eager
x = torch.randn(o["chains"], e["input"])


def run(count):
    global x
    for _ in range(count):
        x = step(x)


def measure():
    started = time.perf_counter()
    run(o["steps"])
    return {"value": (time.perf_counter() - started) / o["steps"] * 1e6}


run(min(20, o["steps"]))
serve(measure)
