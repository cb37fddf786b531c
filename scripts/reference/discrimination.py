"""Losses that tell data from other rows with log Z cancelled, in plain PyTorch: ranking and conditional noise-contrastive
estimation, energy discrepancy. The interface is that of objectives.py: loss(model, case, x, y)."""

import torch
from torch.nn.functional import cross_entropy

from noises import draw, noise_law


def ranking_noise_contrastive(model, case, x, y, fit_to=None):
    """Cross-entropy of finding the datum, option 0, among k draws of the noise (Ma and Collins 2018)."""
    objective = case["objective"]
    law = noise_law(objective["noise"], x if fit_to is None else fit_to)
    if "negatives" in case:
        negatives = torch.tensor(case["negatives"], dtype=x.dtype)
    else:
        negatives = draw(law, objective["noise"], torch.tensor(case["noise"], dtype=x.dtype))
    options = torch.stack([x, *negatives.split(len(x))], 1)  # [n, k + 1, d]
    logits = torch.stack([-model.energy(rows, y) - law.log_prob(rows) for rows in options.unbind(1)], 1)
    return cross_entropy(logits, torch.zeros(len(x), dtype=torch.int64))


def conditional_noise_contrastive(model, case, x, y):
    """Which of x and its perturbation is the datum: 2 E log(1 + exp(-G)), G = E(x') - E(x) (Ceylan and Gutmann 2018)."""
    sigma = torch.as_tensor(case["objective"]["sigma"], dtype=x.dtype)
    losses = []
    for e in torch.tensor(case["noise"], dtype=x.dtype).split(len(x)):
        g = model.energy(x + sigma * e, y) - model.energy(x, y)
        losses.append(2 * torch.log(1 + torch.exp(-g)))
    return torch.stack(losses).mean()


def energy_discrepancy(model, case, x, y):
    """E log(w / M + mean_j exp(U(x) - U(x'_j))) with one y a row (Schroeder et al. 2023); x' given as `negatives`, or
    by Gaussian noise of variance t."""
    w = case["objective"].get("w", 1.0)
    if "negatives" in case:
        candidates = torch.tensor(case["negatives"], dtype=x.dtype).split(len(x))
    else:
        t = case["objective"]["t"]
        first, *others = torch.tensor(case["noise"], dtype=x.dtype).split(len(x))
        candidates = [x + t**0.5 * first + t**0.5 * e for e in others]
    ratios = torch.stack([torch.exp(model.energy(x, y) - model.energy(rows, y)) for rows in candidates])
    return torch.log(w / len(candidates) + ratios.mean(0)).mean()


LOSSES = {
    "rankingNoiseContrastive": ranking_noise_contrastive,
    "conditionalNoiseContrastive": conditional_noise_contrastive,
    "energyDiscrepancy": energy_discrepancy,
}
