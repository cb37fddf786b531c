"""Detectors of a classifier's logits, features and gradients in PyTorch and NumPy, written on their own from the papers.

As a script it reads a JSON list of cases from standard input and writes the list of answers to standard output:
  {"weights": [[[...]], ...], "biases": [[...], ...], "activation": "relu" | "silu", "rows": [[...]], "x": [[...]],
   "percentile": 90, "ashPercentile": 65, "principal": 4, "gamma": 0.1, "largest": 2, "temperature": 10, "epsilon": 0.01}
  -> {kind: [scores of x]}, higher = more out-of-distribution
"""

import json
import sys

import numpy as np
import torch
from torch.nn.functional import kl_div, log_softmax, relu, silu

torch.set_default_dtype(torch.float64)
ACTIVATIONS = {"relu": relu, "silu": silu}


class Classifier:
    def __init__(self, case):
        self.layers = [(torch.tensor(w), torch.tensor(b)) for w, b in zip(case["weights"], case["biases"])]
        self.activation = ACTIVATIONS[case["activation"]]

    def features(self, x):
        for w, b in self.layers[:-1]:
            x = self.activation(x @ w.T + b)
        return x

    def logits(self, h):
        w, b = self.layers[-1]
        return h @ w.T + b


def entropy(c, case, x):
    p = c.logits(c.features(x)).softmax(1)
    return torch.special.entr(p).sum(1)


def kl_uniform(c, case, x):
    log_p = log_softmax(c.logits(c.features(x)), 1)
    uniform = torch.full_like(log_p, 1 / log_p.shape[1])
    return -kl_div(log_p, uniform, reduction="none").sum(1)


def gen(c, case, x):
    p = np.sort(c.logits(c.features(x)).softmax(1).numpy(), 1)[:, -case["largest"] :]
    return torch.tensor((p ** case["gamma"] * (1 - p) ** case["gamma"]).sum(1))


def react(c, case, x):
    limit = np.percentile(c.features(torch.tensor(case["rows"])).numpy(), case["percentile"])
    return -torch.logsumexp(c.logits(torch.minimum(c.features(x), torch.tensor(limit))), 1)


def ash(c, case, x):
    scores = []
    for h in c.features(x).numpy():
        before = h.sum()
        cut = int(np.round(len(h) * case["ashPercentile"] / 100))
        order = np.argsort(h)
        shaped = h.copy()
        shaped[order[:cut]] = 0
        shaped *= np.exp(before / shaped.sum()) if shaped.any() else 1
        scores.append(-torch.logsumexp(c.logits(torch.tensor(shaped)[None]), 1).item())
    return torch.tensor(scores)


def vim(c, case, x):
    w, b = (t.numpy() for t in c.layers[-1])
    train = c.features(torch.tensor(case["rows"])).numpy()
    origin = -np.linalg.pinv(w) @ b
    centred = train - origin
    values, vectors = np.linalg.eig(centred.T @ centred / len(train))
    rest = vectors.real[:, np.argsort(-values.real)[case["principal"] :]]
    alpha = c.logits(torch.tensor(train)).numpy().max(1).mean() / np.linalg.norm(centred @ rest, axis=1).mean()
    h = c.features(x).numpy()
    virtual = alpha * np.linalg.norm((h - origin) @ rest, axis=1)
    return torch.tensor(virtual) - torch.logsumexp(c.logits(torch.tensor(h)), 1)


def fdbd(c, case, x):
    w = c.layers[-1][0].numpy()
    mean = c.features(torch.tensor(case["rows"])).numpy().mean(0)
    scores = []
    for h, f in zip(c.features(x).numpy(), c.logits(c.features(x)).numpy()):
        k = f.argmax()
        to = [(f[k] - f[j]) / np.linalg.norm(w[k] - w[j]) for j in range(len(f)) if j != k]
        scores.append(-np.mean(to) / np.linalg.norm(h - mean))
    return torch.tensor(scores)


def relative_mahalanobis(c, case, x):
    train = c.features(torch.tensor(case["rows"]))
    labels = c.logits(train).argmax(1).numpy()
    train, h = train.numpy(), c.features(x).numpy()
    means = {k: train[labels == k].mean(0) for k in set(labels)}
    within = np.cov(np.stack([row - means[k] for row, k in zip(train, labels)]).T, bias=True)
    overall = np.cov(train.T, bias=True)

    def distance(rows, covariance):
        return np.einsum("ni,ij,nj->n", rows, np.linalg.pinv(covariance, hermitian=True), rows)

    nearest = np.min([distance(h - mean, within) for mean in means.values()], 0)
    return torch.tensor(nearest - distance(h - train.mean(0), overall))


def odin(c, case, x):
    x = x.clone().requires_grad_(True)
    outputs = c.logits(c.features(x)) / case["temperature"]
    torch.nn.functional.cross_entropy(outputs, outputs.argmax(1), reduction="sum").backward()
    moved = x.detach() - case["epsilon"] * x.grad.sign()
    return 1 - (c.logits(c.features(moved)) / case["temperature"]).softmax(1).amax(1)


def grad_norm(c, case, x):
    scores = []
    for row in x:
        w = c.layers[-1][0].clone().requires_grad_(True)
        log_p = log_softmax(c.features(row[None]) @ w.T + c.layers[-1][1], 1)
        (-log_p.mean()).backward()
        scores.append(-w.grad.abs().sum().item())
    return torch.tensor(scores)


KINDS = {
    "entropy": entropy,
    "klUniform": kl_uniform,
    "gen": gen,
    "react": react,
    "ash": ash,
    "vim": vim,
    "fdbd": fdbd,
    "relativeMahalanobis": relative_mahalanobis,
    "odin": odin,
    "gradNorm": grad_norm,
}


def answer(case):
    c, x = Classifier(case), torch.tensor(case["x"])
    return {kind: score(c, case, x).detach().tolist() for kind, score in KINDS.items()}


if __name__ == "__main__":
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
