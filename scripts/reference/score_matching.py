"""Score matching in plain PyTorch: explicit, sliced, denoising. The interface is that of objectives.py:
loss(model, case, x, y)."""

import torch


def score_of(model, x, y=None):
    """-dE/dx as a differentiable function of a leaf."""
    leaf = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.energy(leaf, y).sum(), leaf, create_graph=True)
    return leaf, -gradient


def directions(objective, noise, x):
    """[n, m, d] from standard numbers: signs from uniform ones, normals, or normals on the sphere of radius sqrt(d)."""
    v = torch.tensor(noise, dtype=x.dtype).reshape(len(x), -1, x.shape[1])
    law = objective.get("law", "rademacher")
    if law == "rademacher":
        return torch.where(v < 0.5, 1.0, -1.0).to(x.dtype)
    return v if law == "gaussian" else v / v.norm(dim=2, keepdim=True) * x.shape[1] ** 0.5


def explicit_score_matching(model, case, x, y):
    """E |s|^2 / 2 + tr ds/dx (Hyvarinen 2005): the trace column by column, or v' (ds/dx) v by Hutchinson."""
    leaf, score = score_of(model, x, y)
    if case["objective"]["trace"] == "hutchinson":
        v = directions({}, case["noise"], x)
    else:
        v = torch.eye(x.shape[1], dtype=x.dtype).expand(len(x), -1, -1)
    products = []
    for m in range(v.shape[1]):
        (row,) = torch.autograd.grad((score * v[:, m]).sum(), leaf, create_graph=True)
        products.append((row * v[:, m]).sum(1))
    products = torch.stack(products, 1)
    trace = products.mean(1) if case["objective"]["trace"] == "hutchinson" else products.sum(1)
    return ((score**2).sum(1) / 2 + trace).mean()


def sliced_score_matching(model, case, x, y):
    """E (v . s)^2 / 2 + v . grad(v . s) (Song et al. 2019); by central differences of log p as Pang et al. 2020."""
    objective = case["objective"]
    v = directions(objective, case["noise"], x)
    total = 0
    for m in range(v.shape[1]):
        along = v[:, m]
        if "finiteDifference" in objective:
            h = objective["finiteDifference"]
            up, here, down = (-model.energy(x + k * h * along, y) for k in (1, 0, -1))
            first, second = (up - down) / (2 * h), (up + down - 2 * here) / h**2
            total = total + (first**2 / 2 + second).mean()
            continue
        leaf, score = score_of(model, x, y)
        slope = (score * along).sum(1)
        (row,) = torch.autograd.grad(slope.sum(), leaf, create_graph=True)
        square = (score**2).sum(1) if objective.get("varianceReduced") else slope**2
        total = total + (square / 2 + (row * along).sum(1)).mean()
    return total / v.shape[1]


def denoising_score_matching(model, case, x, y):
    """sigma^2 / 2 E |s(x~) - (x - x~) / sigma^2|^2, the target being the score of the Gaussian kernel (Vincent 2011).
    With a ladder the corrupted rows are given and y is log sigma; with a difference the residual meets random signs."""
    objective = case["objective"]
    if isinstance(objective["sigma"], dict):
        sigma = torch.exp(y)
        noisy = torch.tensor(case["noisy"], dtype=x.dtype)
    else:
        sigma = objective["sigma"]
        noisy = x + sigma * torch.tensor(case["noise"], dtype=x.dtype)[: len(x)]
    target = (x - noisy) / sigma**2
    if "finiteDifference" in objective:
        step = objective["finiteDifference"] * sigma
        v = directions({}, case["noise"][len(x) :], x)[:, 0]
        slope = (model.energy(noisy - step * v, y) - model.energy(noisy + step * v, y)) / (2 * step)
        return sigma**2 / 2 * ((slope - (target * v).sum(1)) ** 2).mean()
    _, score = score_of(model, noisy, y)
    return (sigma**2 / 2 * (score - target) ** 2).sum(1).mean()


LOSSES = {
    "explicitScoreMatching": explicit_score_matching,
    "slicedScoreMatching": sliced_score_matching,
    "denoisingScoreMatching": denoising_score_matching,
}
