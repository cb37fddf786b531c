"""The child's side of the protocol in lib/child.mjs, for Python peers."""

import json
import math
import os
import sys
import time

options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


def say(value):
    print(json.dumps(value), flush=True)


def serve(measure, **info):
    """Calls `measure` for every line of the parent; `info` is what is known after the warm-up."""
    say({"ready": True, **info})
    for _ in sys.stdin:
        say(measure())


def serve_rows(prepare):
    """A process that stays for all rows of a case: a line with a row's options prepares it, a line "go" measures it.

    prepare(options) gives measure and what is known after the warm-up.
    """
    say({"ready": True})
    measure = None
    for line in sys.stdin:
        if line.strip() == "go":
            say(measure())
            continue
        measure = None  # what the row before held is gone before the next is made
        measure, info = prepare(json.loads(line))
        say({"ready": True, **info})


def calibrated(run, seconds, least=4):
    """How many steps take about so many seconds, after a first run that compiles; run(count) gives the seconds it took."""
    run(least)
    count = least
    while True:
        took = run(count)
        if took >= seconds / 2:
            return max(least, round(count * seconds / took))
        count = min(10 * count, round(count * seconds / took) + 1)


def unsupported(why):
    say({"unsupported": why})
    sys.exit(0)


def torch_threads():
    import torch

    torch.set_num_threads(options.get("threads") or len(os.sched_getaffinity(0)))
    torch.manual_seed(1)
    return torch


def torch_mlp(widths):
    """torch.nn.Sequential of SiLU layers with these widths."""
    import torch

    layers = []
    for a, b in zip(widths[:-2], widths[1:-1]):
        layers += [torch.nn.Linear(a, b), torch.nn.SiLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(widths[-2], widths[-1]))


def jax_mlp(key, widths):
    """Weights and biases of the same layers, initialised alike, as a list of pairs."""
    import jax

    weights = []
    for a, b in zip(widths, widths[1:]):
        key, one, two = jax.random.split(key, 3)
        bound = a**-0.5
        uniform = lambda k, shape: jax.random.uniform(k, shape, minval=-bound, maxval=bound)
        weights.append((uniform(one, (a, b)), uniform(two, (b,))))
    return weights


def precision_of(energy):
    """The precision of a Gaussian row, nested lists: see langevin/energies.mjs."""
    d = energy["input"]
    return [[{0: 2.0, 1: 0.5}.get(abs(i - j), 0.0) for j in range(d)] for i in range(d)]


def means_of(energy):
    """The means of a mixture's components, [components, input]."""
    return [[math.sin(1 + k + 7 * j) for j in range(energy["input"])] for k in range(energy["components"])]


def widths_of(energy, outputs=1):
    """Widths of the network's layers; a condition y enters beside x."""
    return [energy["input"] + energy.get("condition", 0), *energy["hidden"], outputs]


def outputs_of(energy):
    """Columns of the network of an energy spec."""
    return {"classifier": energy.get("classes"), "mixtureDensity": 3 * energy.get("components", 0)}.get(energy["kind"], 1)


def columns_of(energy):
    """Columns of the data rows; a regressor's target is the last one."""
    return energy["input"] + (energy["kind"] in ("regressor", "mixtureDensity"))


def serve_training(run, warm_up):
    """Serves the time of run(options["steps"]), a step in milliseconds or the whole in seconds, after `warm_up` steps."""

    def measure():
        started = time.perf_counter()
        run(options["steps"])
        seconds = time.perf_counter() - started
        return {"value": seconds if options["per"] == "run" else seconds / options["steps"] * 1000}

    if warm_up > 0:
        run(warm_up)
    serve(measure)


__all__ = [
    "calibrated",
    "columns_of",
    "jax_mlp",
    "means_of",
    "options",
    "outputs_of",
    "precision_of",
    "serve",
    "serve_rows",
    "serve_training",
    "torch_mlp",
    "torch_threads",
    "unsupported",
    "widths_of",
]
