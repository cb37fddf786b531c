"""Microseconds of an evaluation, a step or a call, in eager PyTorch ("library": "torch") or jitted JAX ("jax"), for every row of
the cases energies, layers, samplers and call-cost. The mathematics is in energy_twins.py and sampler_twins.py."""

import time

from energy_twins import Twin
from libraries import library
from sampler_twins import sampler_twin
from trial import calibrated, options as process, serve_rows, torch_threads

if process["library"] == "torch":
    torch_threads()
else:
    import jax
L = library(process["library"])

#: A gradient without noise: the langevin sampler's heuristic form moves down it.
DESCENT = {"kind": "langevin", "form": "heuristic", "noise": 0, "stepSize": 1e-6}


def rows_of(o, count, dtype):
    """Normal numbers, or states of the energy: what they are is nothing to the clock."""
    kind, spec = o.get("states", "real"), o["energy"]
    x = L.start(1, (count, o["columns"]), dtype)
    if kind == "real":
        return x
    if kind == "mixed":
        real = spec["states"][0]["columns"]
        return L.concat([x[:, :real], L.cast(x[:, real:] > 0, x)])
    if kind == "levels":
        blocks = x.reshape(count, -1, spec["levels"])
        return L.one_hot(L.argmax(blocks, 2), spec["levels"], x).reshape(x.shape)
    return 2 * L.cast(x > 0, x) - 1 if kind == "spin" else L.cast(x > 0, x)


def condition_of(o, count, dtype):
    if "classes" in o:
        return L.array([i % o["classes"] for i in range(count)], "int32")
    return L.start(2, (count, o["condition"]), dtype) if "condition" in o else None


def by_call(f, arguments):
    def run(count):
        started = time.perf_counter()
        for _ in range(count):
            L.wait(f(*arguments))
        return time.perf_counter() - started

    return run


def by_loop(o, twin, state):
    start, step, _ = sampler_twin(L, twin, {"sampler": DESCENT, **o})
    state, run_steps = L.compiled(start)(state), L.loop(step)

    def run(count):
        started = time.perf_counter()
        L.wait(run_steps(state, count)["x"])
        return time.perf_counter() - started

    return run


def prepare(o):
    dtype = o.get("dtype", "float32")
    if L.name == "jax":
        jax.config.update("jax_enable_x64", dtype == "float64")
    twin, count = Twin(L, o["energy"]), o["rows"]
    x, p, y = rows_of(o, count, dtype), twin.random(1, dtype), condition_of(o, count, dtype)
    if o["by"] == "loop":
        run = by_loop(o, twin, {"x": x, "p": p, "y": y})
    elif o["by"] in ("score", "scoreSync"):
        both = L.value_and_gradient(twin.energy)
        run = by_call(L.compiled(lambda *given: both(*given)[1]), (x, p, y))
    else:
        run = by_call(L.plain(twin.energy), (x, p, y))
    steps = calibrated(run, o["milliseconds"] / 1000)
    return (lambda: {"value": run(steps) / steps * 1e6}), {"steps": steps}


serve_rows(prepare)
