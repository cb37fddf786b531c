"""Energies, gradients and samples of the twins, for tests/bench/twins.test.ts.

Reads one JSON request from standard input and writes one JSON answer to standard output:
  {"energies": [{"options", "parameters": {name: nested list}, "x", "y", "libraries": ["jax", "torch"]}],
   "samplers": [{"options", "parameters", "x", "steps"}]}
  {"jax" | "torch": {"energies": [{"shapes", "energy", "gradient"}], "samplers": [{"x", "energy"}]}}
Energies are computed in double precision; samplers run in single precision, as measured. Null where JAX is not installed.
"""

import json
import sys

from energy_twins import Twin
from libraries import library
from sampler_twins import sampler_twin


def condition(L, y, dtype):
    if y is None:
        return None
    return L.array(y, dtype if isinstance(y[0], list) else "int32")


def energy_of(L, case):
    twin = Twin(L, case["options"]["energy"])
    p = twin.load(case["parameters"], "float64")
    x = L.array(case["x"], "float64")
    energy, gradient = L.compiled(L.value_and_gradient(twin.energy))(x, p, condition(L, case["y"], "float64"))
    shapes = {name: list(shape) for name, (_, shape) in twin.shapes.items()}
    return {"shapes": shapes, "energy": energy.tolist(), "gradient": gradient.tolist()}


def samples_of(L, case):
    twin = Twin(L, case["options"]["energy"])
    p, x = twin.load(case["parameters"], "float32"), L.array(case["x"], "float32")
    L.key(11)
    start, step, finish = sampler_twin(L, twin, case["options"])
    state = start({"x": x, "p": p, "y": None})
    state = finish(L.loop(step)(state, case["steps"]))
    n = len(x)  # of parallelTempering: the replicas at the first temperature
    return {"x": state["x"][:n].tolist(), "energy": L.plain(twin.energy)(state["x"][:n], p, None).tolist()}


def answers(name, request):
    L = library(name)
    if name == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    energies = [energy_of(L, case) if name in case["libraries"] else None for case in request["energies"]]
    if name == "jax":
        jax.config.update("jax_enable_x64", False)
    return {"energies": energies, "samplers": [samples_of(L, case) for case in request["samplers"]]}


if __name__ == "__main__":
    request, found = json.load(sys.stdin), {}
    for name in ("torch", "jax"):
        try:
            found[name] = answers(name, request)
        except ModuleNotFoundError as missing:
            if missing.name != "jax":
                raise
            found[name] = None
    json.dump(found, sys.stdout)
