"""Milliseconds per Langevin step of a conv energy in eager PyTorch, or with "batch" per training step of the network as a
classifier (cross entropy, Adam); "channelsLast": in that memory format."""

import math
import time

from image_twins import conv_layers
from trial import options as o, serve, torch_threads

torch = torch_threads()
nn = torch.nn
e = o["energy"]


def network(outputs):
    modules, axes = [], e["input"]
    for layer in conv_layers(e):
        if layer["kind"] == "conv2d":
            modules.append(nn.Conv2d(axes[0], layer["channels"], layer["kernel"], layer["stride"], layer["padding"]))
        else:
            modules.append(nn.SiLU() if layer["kind"] == "activation" else nn.Flatten())
        axes = list(modules[-1](torch.zeros(1, *axes)).shape[1:])
    width = math.prod(axes)
    for units in e["hidden"]:
        modules += [nn.Linear(width, units), nn.SiLU()]
        width = units
    return nn.Sequential(*modules, nn.Linear(width, outputs))


layout = torch.channels_last if o.get("channelsLast") else torch.contiguous_format
model = network(o.get("classes", 1)).to(memory_format=layout)


def sampling():
    h = o.get("stepSize", 0.001)
    for p in model.parameters():
        p.requires_grad_(False)
    x = torch.randn(o["chains"], *e["input"]).to(memory_format=layout)

    def run(count):
        nonlocal x
        for _ in range(count):
            x = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(model(x).sum(), x)
            x = (x - h / 2 * gradient + h**0.5 * torch.randn_like(x)).detach()

    return run


def training():
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = torch.rand(4096, *e["input"]), torch.arange(4096) % o["classes"]

    def run(count):
        for _ in range(count):
            index = torch.randint(0, len(x), (o["batch"],))
            loss = nn.functional.cross_entropy(model(x[index].to(memory_format=layout)), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


run = training() if "batch" in o else sampling()
run(3)


def measure():
    started = time.perf_counter()
    run(o["steps"])
    return {"value": (time.perf_counter() - started) / o["steps"] * 1000}


serve(measure)
