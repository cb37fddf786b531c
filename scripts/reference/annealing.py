"""Annealed importance sampling, forward (Neal 2001), in plain PyTorch, written on its own.

Random numbers are arguments, so that a run of langevin can be replayed number by number with what it exports.

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"energy": {"spec", "parameters", "dtype"}, "betas": [...], "mean": [...], "scale": [...], "stepSize": 0.2,
   "leapfrogSteps": 3, "start": [[...]], "momenta": [[[...]]], "uniform": [[...]], "jitter": [[...]]}
  {"logZ", "standardError", "ess"}
start is [chains, d]; momenta[k], uniform[k], jitter[k] belong to the move at betas[k + 1].
"""

import json
import math
import sys

import torch

from energies import DTYPES, build


def anneal(energy, request):
    d = torch.float64
    mean, scale = (torch.tensor(request[key], dtype=d) for key in ("mean", "scale"))
    betas = request["betas"]

    def base(x):
        return (((x - mean) / scale) ** 2).sum(1) / 2

    def tempered(x, b):
        return (1 - b) * base(x) + b * energy(x)

    def gradient(x, b):
        x = x.detach().requires_grad_(True)
        (g,) = torch.autograd.grad(tempered(x, b).sum(), x)
        return g

    x = mean + scale * torch.tensor(request["start"], dtype=d)
    log_weight = torch.zeros(len(x), dtype=d)
    for k in range(1, len(betas)):
        b = betas[k]
        with torch.no_grad():
            log_weight += tempered(x, betas[k - 1]) - tempered(x, b)
        if k + 1 == len(betas):
            break
        p = torch.tensor(request["momenta"][k - 1], dtype=d)
        u = torch.tensor(request["uniform"][k - 1], dtype=d).flatten()
        jitter = torch.tensor(request["jitter"][k - 1], dtype=d).flatten()
        step = request["stepSize"] * (1 + 0.2 * (2 * jitter - 1))[:, None]
        with torch.no_grad():
            before = tempered(x, b) + (p**2).sum(1) / 2
        q = x
        for _ in range(request["leapfrogSteps"]):
            p = p - step / 2 * gradient(q, b)
            q = q + step * p
            p = p - step / 2 * gradient(q, b)
        with torch.no_grad():
            after = tempered(q, b) + (p**2).sum(1) / 2
        accept = u < torch.exp(torch.clamp(before - after, max=0.0))
        x = torch.where(accept[:, None], q.detach(), x)
    log_base = torch.log(scale * math.sqrt(2 * math.pi)).sum()
    n = len(log_weight)
    weights = torch.exp(log_weight - log_weight.max())
    log_z = log_base + log_weight.max() + torch.log(weights.mean())
    return {
        "logZ": log_z.item(),
        "standardError": (weights.std(unbiased=True) / (weights.mean() * math.sqrt(n))).item(),
        "ess": (weights.sum() ** 2 / (weights**2).sum()).item(),
    }


def main():
    request = json.load(sys.stdin)
    given = request["energy"]
    dtype = DTYPES[given["dtype"]]
    model = build(given["spec"], dtype)
    state = {name: torch.tensor(value, dtype=dtype) for name, value in given["parameters"].items()}
    if state:
        model.load_state_dict(state)
    json.dump(anneal(lambda x: model.energy(x.to(dtype), None).double(), request), sys.stdout)


if __name__ == "__main__":
    main()
