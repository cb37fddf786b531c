"""Every objective and optimiser in plain PyTorch, written on their own from the formulas.

Losses take the noise as an argument, so that one step of langevin can be repeated number by number with the noise it
exports (`random` with the streams Noise, NoiseSample and Corrupt).

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"losses": [{"energy": {"spec", "parameters", "dtype"}, "objective": {...}, "x": [[...]], "y": [...],
               "noise": [[...]] or [[[...]]], "negatives": [[...]], "logZ": 0.1, "helper": {as "energy"}}],
   "trajectories": [{"optimizer": {...}, "dtype": "float64", "parameters": [...], "gradients": [[...]]}],
   "runs": [{"energy": {...}, "objective": {...}, "optimizer": {...}, "x": [[...]], "batches": [[...]],
             "noise": [...], "logZ": 0.1, "clipNorm": 1.0, "ema": 0.99}]}
  {"losses": [{"loss", "gradient": {name: nested list}, "logZGradient", "helper"}], "trajectories": [[[...]]],
   "runs": [{"losses": [...], "parameters": {name: nested list}, "average": {...}, "logZ", "seconds"}]}
"""

import json
import math
import sys
import time

import torch
from torch.nn.functional import cross_entropy, mse_loss, softplus

import discrimination
import neighbours
import score_matching
from divergences import f_divergence, pseudo_spherical, stein_discrepancy
from energies import DTYPES, build
from noises import draw, noise_law
from samplers import langevin_step


def contrast(model, x, negatives, y=None):
    """mean E(x) - mean E(x-), negatives held fixed (Hinton 2002)."""
    return model.energy(x, y).mean() - model.energy(negatives.detach(), y).mean()


def contrastive_divergence(model, case, x, y):
    """mean E(x) - (1 - w) mean E(x_K) - w mean E(x_L), x_L being chains x_K carried on with the noise `further`."""

    def advanced(chains, noise):
        for xi in torch.tensor(noise, dtype=x.dtype):
            chains = langevin_step(model, chains, y, xi, case["objective"]["sampler"]["stepSize"], 1.0)
        return chains

    ends = advanced(x, case["noise"])
    loss = contrast(model, x, ends, y)
    if "longChains" not in case["objective"]:
        return loss
    w, further = case["objective"]["longChains"]["weight"], case["further"]
    return (1 - w) * loss + w * contrast(model, x, advanced(ends[: len(further[0])], further), y)


def persistent_contrastive_divergence(model, case, x, y):
    return contrast(model, x, torch.tensor(case["negatives"], dtype=x.dtype), y)


def noise_contrastive(model, case, x, y, fit_to=None):
    """u = log p_model - log p_noise - log nu; logistic loss per data row (Gutmann and Hyvarinen 2012)."""
    objective = case["objective"]
    law = noise_law(objective["noise"], x if fit_to is None else fit_to)
    nu = objective.get("ratio", 1)
    negatives = draw(law, objective["noise"], torch.tensor(case["noise"], dtype=x.dtype))

    def logits(rows):
        return -model.energy(rows, y) - case["logZTensor"] - law.log_prob(rows) - math.log(nu)

    positive = torch.log(torch.sigmoid(logits(x))).mean()
    negative = torch.log(1 - torch.sigmoid(logits(negatives))).mean()
    return -positive - nu * negative


def maximum_likelihood(model, case, x, y):
    """mean E + log of the midpoint sum of exp(-E) over the box."""
    objective = case["objective"]
    d, cells = x.shape[1], objective.get("cells", 100)
    low, high = objective["box"]["low"], objective["box"]["high"]
    width = (high - low) / cells
    axis = low + width * (torch.arange(cells, dtype=x.dtype) + 0.5)
    grid = torch.cartesian_prod(*[axis] * d).reshape(-1, d)
    log_z = torch.logsumexp(-model.energy(grid), 0) + d * math.log(width)
    return (model.energy(x) if y is None else model.energy(x, y)).mean() + log_z


def cross_entropy_loss(model, case, x, y):
    return cross_entropy(model.outputs(x), y)


def joint_energy(model, case, x, y):
    """w1 [E(x) - E(x-)] + w2 cross-entropy + w3 [E(x, y) - E(x-, y-)] of the logits f (Grathwohl et al. 2020)."""
    w1, w2, w3 = (case["objective"][name] for name in ("density", "classification", "conditional"))
    f = model.outputs(x)
    loss = w2 * cross_entropy(f, y)
    if w1 > 0:
        rows = torch.tensor(case["unlabelled"], dtype=x.dtype) if "unlabelled" in case else x
        negatives = model.outputs(torch.tensor(case["negatives"], dtype=x.dtype))
        loss = loss - w1 * (torch.logsumexp(model.outputs(rows), 1).mean() - torch.logsumexp(negatives, 1).mean())
    if w3 > 0:
        classes = torch.tensor(case["classes"])
        negatives = model.outputs(torch.tensor(case["ofClasses"], dtype=x.dtype))
        own = f.gather(1, y[:, None]).mean() - negatives.gather(1, classes[:, None]).mean()
        loss = loss - w3 * own
    return loss


def mean_squared_error(model, case, x, y):
    outputs = model.outputs(x)
    return mse_loss(outputs, x[:, -outputs.shape[1] :] if y is None else y)


def negative_log_likelihood(model, case, x, y):
    return model.energy(x, y).mean()


LOSSES = {
    "contrastiveDivergence": contrastive_divergence,
    "persistentContrastiveDivergence": persistent_contrastive_divergence,
    "pseudoSpherical": pseudo_spherical,
    "fDivergence": f_divergence,
    "steinDiscrepancy": stein_discrepancy,
    "noiseContrastive": noise_contrastive,
    **discrimination.LOSSES,
    **score_matching.LOSSES,
    "maximumLikelihood": maximum_likelihood,
    "crossEntropy": cross_entropy_loss,
    "jointEnergy": joint_energy,
    "meanSquaredError": mean_squared_error,
    "negativeLogLikelihood": negative_log_likelihood,
    **neighbours.LOSSES,
}


def loss_of(kind):
    """The PyTorch loss of an objective."""
    if kind not in LOSSES:
        raise KeyError(f"no PyTorch loss of the objective {kind}: add it to LOSSES of scripts/reference/objectives.py")
    return LOSSES[kind]


def load(energy):
    dtype = DTYPES[energy.get("dtype", "float64")]
    model = build(energy["spec"], dtype)
    model.load_state_dict({k: torch.tensor(v, dtype=dtype) for k, v in energy["parameters"].items()})
    return model, dtype


def labels(y, dtype):
    return None if y is None else torch.tensor(y, dtype=dtype if isinstance(y[0], list) else torch.int64)


def loss_case(case):
    model, dtype = load(case["energy"])
    log_z = torch.tensor(case.get("logZ", 0.0), dtype=dtype, requires_grad=True)
    x, y = torch.tensor(case["x"], dtype=dtype), labels(case.get("y"), dtype)
    one = {**case, "logZTensor": log_z}
    if "helper" in case:
        one["helperModel"], _ = load(case["helper"])
    loss = loss_of(case["objective"]["kind"])(model, one, x, y)
    loss.backward()
    gradient = {name: p.grad.tolist() for name, p in model.named_parameters() if p.grad is not None}
    return {
        "loss": loss.item(),
        "gradient": gradient,
        "logZGradient": None if log_z.grad is None else log_z.grad.item(),
        "helper": {k: v.tolist() for k, v in one["helperModel"].state_dict().items()} if "helper" in case else None,
    }


def make_optimizer(spec, parameters):
    """torch.optim's own; a schedule is set from outside before each step."""
    lr = spec["lr"] if isinstance(spec["lr"], (int, float)) else 1.0
    decay = spec.get("weightDecay", 0.01 if spec["kind"] == "adamw" else 0.0)
    if spec["kind"] == "sgd":
        momentum, nesterov = spec.get("momentum", 0.0), spec.get("nesterov", False)
        return torch.optim.SGD(parameters, lr, momentum=momentum, nesterov=nesterov, weight_decay=decay)
    kind = torch.optim.Adam if spec["kind"] == "adam" else torch.optim.AdamW
    betas, eps = tuple(spec.get("betas", [0.9, 0.999])), spec.get("epsilon", 1e-8)
    return kind(parameters, lr, betas=betas, eps=eps, weight_decay=decay)


def rate(spec, step, total):
    """The learning rate of a 0-based step."""
    lr = spec["lr"]
    if isinstance(lr, (int, float)):
        return lr
    share = step / (total - 1) if total > 1 else 0.0
    if lr["kind"] == "cosine":
        value = lr["to"] + (lr["from"] - lr["to"]) * (1 + math.cos(math.pi * share)) / 2
    elif lr["kind"] == "linear":
        value = lr["from"] + (lr["to"] - lr["from"]) * share
    elif lr["kind"] == "geometric":
        value = lr["from"] * (lr["to"] / lr["from"]) ** share
    elif lr["kind"] == "step":
        value = lr["from"] * lr["factor"] ** sum(share >= m for m in lr["milestones"])
    else:
        value = lr["value"]
    warmup = lr.get("warmup", 0)
    return value * min(1.0, (step + 1) / warmup) if warmup else value


def set_rate(optimizer, value):
    for group in optimizer.param_groups:
        group["lr"] = value


def trajectory(case):
    w = torch.nn.Parameter(torch.tensor(case["parameters"], dtype=DTYPES[case["dtype"]]))
    optimizer = make_optimizer(case["optimizer"], [w])
    path = []
    for step, gradient in enumerate(case["gradients"]):
        set_rate(optimizer, rate(case["optimizer"], step, len(case["gradients"])))
        w.grad = torch.tensor(gradient, dtype=w.dtype)
        optimizer.step()
        path.append(w.tolist())
    return path


def training_run(case):
    """One whole run on given batches and noise: what `train` does, in twenty lines of PyTorch."""
    model, dtype = load(case["energy"])
    data, y = torch.tensor(case["x"], dtype=dtype), labels(case.get("y"), dtype)
    log_z = torch.tensor(case.get("logZ", 0.0), dtype=dtype, requires_grad=True)
    learned = list(model.parameters()) + [log_z]
    optimizer = make_optimizer(case["optimizer"], learned)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(case.get("ema", 0.0))
    )
    losses, total = [], len(case["batches"])
    started = time.perf_counter()
    for step, rows in enumerate(case["batches"]):
        set_rate(optimizer, rate(case["optimizer"], step, total))
        optimizer.zero_grad()
        one = {**case, "noise": case["noise"][step] if "noise" in case else None, "logZTensor": log_z}
        options = {"fit_to": data} if "noise" in case["objective"] else {}
        batch_y = None if y is None else y[rows]
        loss = loss_of(case["objective"]["kind"])(model, one, data[rows], batch_y, **options)
        loss.backward()
        if "clipNorm" in case:
            torch.nn.utils.clip_grad_norm_(model.parameters(), case["clipNorm"])
        optimizer.step()
        average.update_parameters(model)
        losses.append(loss.item())
    return {
        "losses": losses,
        "parameters": {name: p.tolist() for name, p in model.state_dict().items()},
        "average": {name: p.tolist() for name, p in average.module.state_dict().items()},
        "logZ": log_z.item(),
        "seconds": time.perf_counter() - started,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    request = json.load(sys.stdin)
    answer = {
        "losses": [loss_case(case) for case in request.get("losses", [])],
        "trajectories": [trajectory(case) for case in request.get("trajectories", [])],
        "runs": [training_run(case) for case in request.get("runs", [])],
    }
    json.dump(answer, sys.stdout)
