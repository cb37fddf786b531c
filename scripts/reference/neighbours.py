"""Losses over rows that differ in one discrete variable, in plain PyTorch: minimum probability flow, pseudo-likelihood, ratio
matching. The interface is that of objectives.py: loss(model, case, x, y)."""

import torch


def variables(spec, width):
    """(first column, levels, values) of every discrete variable; values None: one-hot."""
    if isinstance(spec.get("states"), list):
        first, found = 0, []
        for block in spec["states"]:
            kind, levels = block["kind"], block.get("levels", 2)
            columns = block.get("columns", levels if kind == "categorical" else 1)
            step = levels if kind == "categorical" else 1
            for column in range(first, first + columns, step) if kind != "real" else ():
                values = {"categorical": None, "spin": [-1, 1]}.get(kind, list(range(levels)))
                found.append((column, levels, values))
            first += columns
        return found
    if "levels" in spec:
        return [(column, spec["levels"], None) for column in range(0, width, spec["levels"])]
    values = [-1, 1] if spec["kind"] == "ising" else [0, 1]
    return [(column, 2, values) for column in range(width)]


def differences(model, case, x, y):
    """Of every variable [n, levels]: E(x) - E(x with that level), and where that is x itself."""
    here = model.energy(x, y)
    for column, levels, values in variables(case["energy"]["spec"], x.shape[1]):
        columns, same = [], []
        for level in range(levels):
            other = x.clone()
            if values is None:
                other[:, column : column + levels] = torch.eye(levels, dtype=x.dtype)[level]
            else:
                other[:, column] = values[level]
            columns.append(here - model.energy(other, y))
            same.append((other == x).all(1))
        yield torch.stack(columns, 1), torch.stack(same, 1)


def minimum_probability_flow(model, case, x, y):
    """sum over x' of exp((E(x) - E(x')) / 2) (Sohl-Dickstein et al. 2011)."""
    return sum(torch.exp(v / 2).masked_fill(same, 0).sum(1) for v, same in differences(model, case, x, y)).mean()


def pseudo_likelihood(model, case, x, y):
    """-sum_s log p(x_s | x_-s), each a log-softmax of -E over the levels (Besag 1975)."""
    # v differs from -E by a number that is the same for all levels.
    return sum(-v.log_softmax(1)[same] for v, same in differences(model, case, x, y)).mean()


def ratio_matching(model, case, x, y):
    """sum over x' of (1 / (1 + p(x) / p(x')))^2 (Hyvarinen 2007)."""
    loss = 0
    for v, same in differences(model, case, x, y):
        ratio = torch.exp(-v)  # p(x) / p(x') = exp(E(x') - E(x))
        loss = loss + (1 / (1 + ratio) ** 2).masked_fill(same, 0).sum(1)
    return loss.mean()


LOSSES = {
    "minimumProbabilityFlow": minimum_probability_flow,
    "pseudoLikelihood": pseudo_likelihood,
    "ratioMatching": ratio_matching,
}
