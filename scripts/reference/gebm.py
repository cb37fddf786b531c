"""GEBM, its evidential reading and GNNSafe in plain PyTorch, written on their own from the formulas.

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"file": "outputs.npz", "options": {"covariance", "tied", "gamma", "alpha", "steps", "aggregate", "temperature"}, "alpha0": 1}
    (a file as graph_export.py writes it)
  {"fit": {"logits", "embeddings"}, "score": {"logits", "embeddings"}, "edges": [[...], [...]], "labels": [...],
   "train": [...], "options": {...}, "alpha0": 1}
  -> {"energy", "independent", "local", "group", "probabilities", "vacuity", "gnnSafe"}
Everything in float64. Higher energy = more out-of-distribution.
"""

import json
import sys

import numpy as np
import torch

DEFAULTS = {"covariance": "diagonal", "tied": False, "gamma": 1.0, "alpha": 0.5, "steps": 10, "aggregate": "sum",
            "temperature": 1.0}


def covariance_of(rows, form):
    centred = rows - rows.mean(0)
    full = centred.T @ centred / len(rows)
    if form == "identity":
        full = torch.eye(rows.shape[1], dtype=rows.dtype)
    elif form == "isotropic":
        full = torch.eye(rows.shape[1], dtype=rows.dtype) * full.diagonal().mean()
    elif form == "diagonal":
        full = torch.diag(full.diagonal())
    addition = 1e-8
    while not bool((torch.linalg.eigvalsh(full) > 1e-6).all()):
        full = full + addition * torch.eye(rows.shape[1], dtype=rows.dtype)
        addition *= 10
    return full


def squared_distances(rows, means, covariances):
    """Column c: (h - mean_c)' S_c^-1 (h - mean_c)."""
    columns = []
    for mean, covariance in zip(means, covariances):
        away = rows - mean
        columns.append((away * torch.linalg.solve(covariance, away.T).T).sum(1))
    return torch.stack(columns, 1)


def middle(values):
    """Smallest and largest value of each column after 2.5 % of the rows are cut off at both ends."""
    n = values.shape[0]
    cut = (1 - 0.95) / 2
    kept = values.sort(0).values[int(cut * n) : int((1 - cut) * n)]
    return kept[0], kept[-1]


def mean_over_neighbours(edges, n, self_loops):
    """Dense below 20,000 nodes, which is enough for a reference: rows are targets."""
    index = torch.tensor(edges, dtype=torch.int64)
    index = index[:, index[0] != index[1]]
    if self_loops:
        index = torch.cat([index, torch.arange(n).repeat(2, 1)], 1)
    index = torch.unique(index, dim=1)
    degree = torch.zeros(n, dtype=torch.float64).index_add_(0, index[1], torch.ones(index.shape[1], dtype=torch.float64))
    weights = 1 / degree[index[1]]
    matrix = torch.sparse_coo_tensor(torch.stack([index[1], index[0]]), weights, (n, n)).coalesce()
    alone = (degree == 0).unsqueeze(1)
    return lambda s: torch.where(alone, s, torch.sparse.mm(matrix, s))


def diffuse(step, signal, alpha, steps):
    column = signal if signal.dim() == 2 else signal.unsqueeze(1)
    for _ in range(steps):
        column = alpha * column + (1 - alpha) * step(column)
    return column if signal.dim() == 2 else column.squeeze(1)


def energy(values, temperature):
    return -temperature * torch.logsumexp(values / temperature, 1)


class Gebm:
    def __init__(self, logits, embeddings, labels, train, options):
        self.options = {**DEFAULTS, **options}
        rows, classes = embeddings[train], labels[train]
        by_class = [rows[classes == c] for c in range(logits.shape[1])]
        self.means = [each.mean(0) for each in by_class]
        form = self.options["covariance"]
        self.covariances = [covariance_of(rows if self.options["tied"] else each, form) for each in by_class]
        self.distances = middle(squared_distances(embeddings, self.means, self.covariances))
        self.logits = middle(logits)

    def evidence(self, logits, embeddings):
        (low, high), (logit_low, logit_high) = self.distances, self.logits
        distance = squared_distances(embeddings, self.means, self.covariances)
        matched = (distance - low) / (high - low) * (logit_high - logit_low) + logit_low
        return logits - self.options["gamma"] * matched

    def __call__(self, logits, embeddings, edges, alpha0=1.0):
        o = self.options
        step = mean_over_neighbours(edges, len(logits), True)
        e = self.evidence(logits, embeddings)
        diffused = diffuse(step, e, o["alpha"], o["steps"])
        independent, local = energy(e, o["temperature"]), energy(diffused, o["temperature"])
        group = diffuse(step, independent, o["alpha"], o["steps"])
        three = torch.stack([independent, local, group])
        total = three.sum(0) if o["aggregate"] == "sum" else torch.logsumexp(three, 0)
        parameters = alpha0 + diffused.exp()
        strength = parameters.sum(1, keepdim=True)
        return {
            "energy": total,
            "independent": independent,
            "local": local,
            "group": group,
            "probabilities": parameters / strength,
            "vacuity": alpha0 * parameters.shape[1] / strength.squeeze(1),
        }


def gnn_safe(logits, edges, alpha=0.5, steps=2):
    return diffuse(mean_over_neighbours(edges, len(logits), False), energy(logits, 1.0), alpha, steps)


def double(values):
    return torch.tensor(np.asarray(values), dtype=torch.float64)


def from_file(path):
    file = np.load(path)
    train = np.flatnonzero(file["train_mask"])
    return {
        "fit": {"logits": file["logits"], "embeddings": file["embeddings"]},
        "score": {"logits": file["logits_without_edges"], "embeddings": file["embeddings_without_edges"]},
        "edges": file["edge_index"],
        "labels": file["y"],
        "train": train,
    }


def answer(request):
    case = {**request, **from_file(request["file"])} if "file" in request else request
    fit = [double(case["fit"][name]) for name in ("logits", "embeddings")]
    score = [double(case["score"][name]) for name in ("logits", "embeddings")]
    labels = torch.tensor(np.asarray(case["labels"]), dtype=torch.int64)
    train = torch.tensor(np.asarray(case["train"]), dtype=torch.int64)
    model = Gebm(*fit, labels, train, case.get("options", {}))
    result = model(*score, case["edges"], case.get("alpha0", 1.0))
    result["gnnSafe"] = gnn_safe(fit[0], case["edges"])
    return {name: value.tolist() for name, value in result.items()}


if __name__ == "__main__":
    json.dump([answer(each) for each in json.load(sys.stdin)], sys.stdout)
