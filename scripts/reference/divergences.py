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


GENERATORS = {
    "kl": lambda t: t * t.log(),
    "reverseKl": lambda t: -t.log(),
    "jensenShannon": lambda t: t * t.log() - (t + 1) * ((t + 1) / 2).log(),
    "squaredHellinger": lambda t: (t.sqrt() - 1) ** 2,
    "pearson": lambda t: (t - 1) ** 2,
    "neyman": lambda t: (1 - t) ** 2 / t,
}


def variational(divergence, u):
    """f'(e^u) and f*(f'(e^u)) = t f'(t) - f(t), by differentiating f at t = e^u."""
    if isinstance(divergence, dict):
        a = divergence["alpha"]
        f = lambda t: (t**a - 1 - a * (t - 1)) / (a * (a - 1))
    else:
        f = GENERATORS[divergence]
    t = torch.exp(u)
    (slope,) = torch.autograd.grad(f(t).sum(), t, create_graph=True)
    return slope, t * slope - f(t)


def f_divergence(model, case, x, y):
    """One step of the helper by plain gradient descent, then the model's loss (Yu et al. 2020, algorithm 1).

    The gradient of E_q F through q = exp(-E) / Z comes from the log-derivative identity, written with log q up to its
    constant: E_q[(F - mean F) grad log q].
    """
    objective, helper = case["objective"], case["helperModel"]
    negatives = torch.tensor(case["negatives"], dtype=x.dtype)
    data_energy, energy = model.energy(x, y), model.energy(negatives, y)

    def sides():
        slope, _ = variational(objective["divergence"], helper.energy(x) + data_energy)
        _, conjugate = variational(objective["divergence"], helper.energy(negatives) + energy)
        return slope, conjugate

    slope, conjugate = sides()
    penalty = (helper.energy(x) ** 2).mean() + (helper.energy(negatives) ** 2).mean()
    loss = conjugate.mean() - slope.mean() + objective.get("helperPenalty", 0) * penalty
    weights = list(helper.parameters())
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients):
            weight -= objective["helperOptimizer"]["lr"] * gradient
    slope, conjugate = sides()
    fixed = conjugate.detach()
    through_q = ((fixed - fixed.mean()) * -energy).mean()
    return slope.mean() - (conjugate.mean() + through_q)


def stein_discrepancy(model, case, x, y):
    """Mean Stein kernel over pairs of different rows, its derivatives of k by autograd (Liu, Lee and Jordan 2016)."""
    objective = case["objective"]
    n, d = x.shape
    leaf = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.energy(leaf, y).sum(), leaf, create_graph=True)
    i, j = torch.nonzero(~torch.eye(n, dtype=torch.bool), as_tuple=True)
    a, b = x[i].requires_grad_(True), x[j].requires_grad_(True)
    k = (1 + ((a - b) ** 2).sum(1) / objective["scale"] ** 2) ** objective["beta"]
    da, db = torch.autograd.grad(k.sum(), (a, b), create_graph=True)
    trace = sum(torch.autograd.grad(da[:, c].sum(), b, retain_graph=True)[0][:, c] for c in range(d))
    sa, sb = -gradient[i], -gradient[j]
    return ((sa * sb).sum(1) * k + (sa * db).sum(1) + (sb * da).sum(1) + trace).mean()
