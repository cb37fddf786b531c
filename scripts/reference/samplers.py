"""The sampler kernels and the chain diagnostics in plain PyTorch, written on their own.

Kernels take the noise as an argument, so that a run of langevin can be replayed number by number with the noise it
exports (`random` with stream Noise, Accept, Auxiliary).

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"replays": [{"energy": {"spec", "parameters", "dtype"}, "sampler": {...}, "x": [[...]], "y": [...],
                "noise": [[[...]]], "accept": [[...]], "velocity": [[...]]}],
   "diagnostics": [{"draws": [[...]]}]}
  {"replays": [{"x": [[...]], "energy": [...], "accepted": 0.7}], "diagnostics": [{"rhat", "essBulk", "essTail", "mcse"}]}
noise[t] is [chains, d], accept[t] is [chains].
"""

import json
import math
import sys

import torch

from energies import DTYPES, build


def value_and_gradient(model, x, y):
    x = x.detach().requires_grad_(True)
    energy = model.energy(x, y)
    (gradient,) = torch.autograd.grad(energy.sum(), x)
    return energy.detach(), gradient


def clipped(gradient, clip):
    if clip is None:
        return gradient
    norm = gradient.norm(dim=1, keepdim=True)
    return torch.where(norm > clip, gradient * (clip / norm), gradient)


def langevin_step(model, x, y, xi, h, temperature):
    """x - (h/2) grad E + sqrt(h T) xi"""
    _, g = value_and_gradient(model, x, y)
    return x - h / 2 * g + math.sqrt(h * temperature) * xi


def heuristic_step(model, x, y, xi, step_size, noise):
    """x - stepSize grad E + noise xi"""
    _, g = value_and_gradient(model, x, y)
    return x - step_size * g + noise * xi


def mala_step(model, x, y, xi, u, h, temperature, clip=None):
    """Langevin proposal, accepted with min(1, pi(x') q(x | x') / (pi(x) q(x' | x)))."""
    e, g = value_and_gradient(model, x, y)
    mean = x - h / 2 * clipped(g, clip)
    proposal = mean + math.sqrt(h * temperature) * xi
    e_new, g_new = value_and_gradient(model, proposal, y)
    mean_back = proposal - h / 2 * clipped(g_new, clip)

    def log_q(to, centre):
        return -((to - centre) ** 2).sum(1) / (2 * h * temperature)

    log_ratio = (e - e_new) / temperature + log_q(x, mean_back) - log_q(proposal, mean)
    accept = torch.log(u) < log_ratio
    return torch.where(accept[:, None], proposal, x), accept


def hmc_step(model, x, y, momentum, u, step_size, leapfrog_steps, temperature):
    """Leapfrog from p = sqrt(T) xi, accepted with min(1, exp(-(H' - H) / T)); per-chain step sizes are allowed."""
    p = math.sqrt(temperature) * momentum
    e, g = value_and_gradient(model, x, y)
    before = e + (p**2).sum(1) / 2
    q = x
    for _ in range(leapfrog_steps):
        p = p - step_size / 2 * g
        q = q + step_size * p
        e_new, g = value_and_gradient(model, q, y)
        p = p - step_size / 2 * g
    after = e_new + (p**2).sum(1) / 2
    accept = torch.log(u) < (before - after) / temperature
    return torch.where(accept[:, None], q, x), accept


def baoab_step(model, x, v, y, xi, h, friction, temperature):
    _, g = value_and_gradient(model, x, y)
    v = v - h / 2 * g
    x = x + h / 2 * v
    c = math.exp(-friction * h)
    v = c * v + math.sqrt((1 - c * c) * temperature) * xi
    x = x + h / 2 * v
    _, g = value_and_gradient(model, x, y)
    return x, v - h / 2 * g


def replay(case):
    dtype = DTYPES[case["energy"].get("dtype", "float32")]
    model = build(case["energy"]["spec"], dtype)
    parameters = {name: torch.tensor(value, dtype=dtype) for name, value in case["energy"]["parameters"].items()}
    if parameters:
        model.load_state_dict(parameters)
    s = case["sampler"]
    x = torch.tensor(case["x"], dtype=dtype)
    y = torch.tensor(case["y"]) if case.get("y") is not None else None
    v = torch.tensor(case["velocity"], dtype=dtype) if "velocity" in case else None
    temperature = s.get("temperature", 1.0)
    taken = total = 0
    for t, xi in enumerate(case["noise"]):
        xi = torch.tensor(xi, dtype=dtype)
        u = torch.tensor(case["accept"][t], dtype=dtype) if "accept" in case else None
        accept = None
        if s["kind"] == "langevin" and s.get("form", "proper") == "proper":
            x = langevin_step(model, x, y, xi, s["stepSize"], temperature)
        elif s["kind"] == "langevin":
            x = heuristic_step(model, x, y, xi, s["stepSize"], s["noise"])
        elif s["kind"] == "mala":
            x, accept = mala_step(model, x, y, xi, u, s["stepSize"], temperature, s.get("clip"))
        elif s["kind"] == "hmc":
            x, accept = hmc_step(model, x, y, xi, u, s["stepSize"], s["leapfrogSteps"], temperature)
        elif s["kind"] == "underdampedLangevin":
            x, v = baoab_step(model, x, v, y, xi, s["stepSize"], s.get("friction", 1.0), temperature)
        else:
            raise ValueError(f"no PyTorch step of the sampler {s['kind']}: add a branch to replay() in samplers.py")
        if accept is not None:
            taken += int(accept.sum())
            total += len(accept)
    energy, _ = value_and_gradient(model, x, y)
    return {"x": x.tolist(), "energy": energy.tolist(), "accepted": taken / total if total else None}


# Chain diagnostics: Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, straight from the formulas.


def halves(draws):
    n = draws.shape[1] // 2
    return torch.cat([draws[:, :n], draws[:, -n:]])


def normal_scores(draws):
    flat = draws.flatten()
    less = (flat[None, :] < flat[:, None]).sum(1)
    equal = (flat[None, :] == flat[:, None]).sum(1)
    rank = less + (equal + 1).double() / 2
    return torch.special.ndtri((rank - 0.375) / (len(flat) + 0.25)).reshape(draws.shape)


def split_rhat(chains):
    n = chains.shape[1]
    within = chains.var(1).mean()
    between = n * chains.mean(1).var()
    return math.sqrt((((n - 1) / n) * within + between / n) / within)


def ess(chains):
    m, n = chains.shape
    centred = chains - chains.mean(1, keepdim=True)
    covariance = torch.stack([(centred[:, : n - t] * centred[:, t:]).sum(1) / n for t in range(n)]).mean(1)
    within = covariance[0] * n / (n - 1)
    total = within * (n - 1) / n + chains.mean(1).var()
    rho = 1 - (within - covariance) / total
    rho[0] = 1
    tau, t, least = -1.0, 0, math.inf
    while t + 1 < n and rho[t] + rho[t + 1] > 0:
        least = min(least, float(rho[t] + rho[t + 1]))
        tau += 2 * least
        t += 2
    if t < n and rho[t] > 0:
        tau += float(rho[t])
    return m * n / max(tau, 1 / math.log10(m * n))


def diagnose(case):
    draws = torch.tensor(case["draws"], dtype=torch.float64)
    folded = (draws - torch.quantile(draws.flatten(), 0.5)).abs()
    split = halves(draws)
    tails = [halves((draws <= torch.quantile(draws.flatten(), p)).double()) for p in (0.05, 0.95)]
    return {
        "rhat": max(split_rhat(normal_scores(split)), split_rhat(normal_scores(halves(folded)))),
        "essBulk": ess(normal_scores(split)),
        "essTail": min(ess(t) for t in tails),
        "mcse": float(draws.std()) / math.sqrt(ess(split)),
    }


if __name__ == "__main__":
    request = json.load(sys.stdin)
    answer = {
        "replays": [replay(case) for case in request.get("replays", [])],
        "diagnostics": [diagnose(case) for case in request.get("diagnostics", [])],
    }
    json.dump(answer, sys.stdout)
