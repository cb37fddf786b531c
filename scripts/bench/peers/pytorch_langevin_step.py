"""One trial of the same loop in eager PyTorch, or torch.compile'd with "compile": true."""

import json
import sys
import time

import torch

o = json.loads(sys.argv[1])
torch.set_num_threads(o["threads"])
torch.manual_seed(1)
widths = [o["input"], *o["hidden"]]
layers = []
for a, b in zip(widths, widths[1:]):
    layers += [torch.nn.Linear(a, b), torch.nn.SiLU()]
model = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], 1))
for p in model.parameters():
    p.requires_grad_(False)
h = 0.001


def step(x):
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    return (x - h / 2 * gradient + h**0.5 * torch.randn_like(x)).detach()


def run(x, steps):
    for _ in range(steps):
        x = step(x)
    return x


x = torch.randn(o["chains"], o["input"])
run(x, min(20, o["steps"]))
started = time.perf_counter()
run(x, o["steps"])
print(json.dumps({"microsecondsPerStep": (time.perf_counter() - started) / o["steps"] * 1e6}))
