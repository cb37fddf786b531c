"""Divergence objectives in plain PyTorch: losses on given negatives, written on their own from the papers' formulas."""

import torch


def pseudo_spherical(model, case, x, y):
    """(1 / gamma) log E exp(-gamma E) of the data, against self-normalised weights on the negatives (Yu et al. 2021)."""
    gamma = case["objective"]["gamma"]
    negatives = model.energy(torch.tensor(case["negatives"], dtype=x.dtype), y)
    with torch.no_grad():
        weights = torch.exp(-gamma * negatives)
        weights = weights / weights.sum()
    score = torch.exp(-gamma * model.energy(x, y)).mean().log() / gamma
    return -score - (weights * negatives).sum()
