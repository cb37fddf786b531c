"""Calibrators by scikit-learn and PyTorch, written on their own.

As a script it reads a JSON list of cases from standard input and writes the list of answers to standard output:
  {"kind": "temperature" | "vectorScaling" | "platt" | "isotonic", "logits": [[...]], "labels": [...], "asked": [[...]]}
      -> {"probabilities": [[...]] of the asked logits, "parameters": {...} where they are unique}
"""

import json
import sys

import numpy as np
import torch
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from torch.nn.functional import cross_entropy

torch.set_default_dtype(torch.float64)


def descend(parameters, loss):
    """L-BFGS to the end."""
    optimiser = torch.optim.LBFGS(
        parameters, max_iter=5000, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(5):
        optimiser.step(closure)


def temperature(f, y, asked):
    log_t = torch.zeros((), requires_grad=True)
    descend([log_t], lambda: cross_entropy(f / log_t.exp(), y))
    t = log_t.exp().item()
    return (asked / t).softmax(1).tolist(), {"temperature": [t]}


def vector_scaling(f, y, asked):
    w, b = torch.ones(f.shape[1], requires_grad=True), torch.zeros(f.shape[1], requires_grad=True)
    descend([w, b], lambda: cross_entropy(f * w + b, y))
    p = (asked * w + b).softmax(1)
    return p.tolist(), {"weight": w.tolist(), "bias": (b - b.mean()).tolist()}


def one_against_all(of_column, scores, y, asked):
    """The probability of each class by `of_column`, normalised; of two classes one column does."""
    k = scores.shape[1]
    if k == 1:
        p = of_column(scores[:, 0], y == 1, asked[:, 0])
        return np.stack([1 - p, p], 1).tolist()
    p = np.stack([of_column(scores[:, c], y == c, asked[:, c]) for c in range(k)], 1)
    total = p.sum(1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1), 1 / k).tolist()


def platt(f, y, asked):
    def of_column(s, hit, t):
        return _SigmoidCalibration().fit(s, hit.astype(int)).predict(t)

    def scores(z):
        return z[:, 1:] - z[:, :1] if z.shape[1] == 2 else z

    return one_against_all(of_column, scores(f), y, scores(asked)), {}


def isotonic(f, y, asked):
    def of_column(s, hit, t):
        return IsotonicRegression(out_of_bounds="clip").fit(s, hit.astype(float)).predict(t)

    def scores(z):
        p = torch.tensor(z).softmax(1).numpy()
        return p[:, 1:] if p.shape[1] == 2 else p

    return one_against_all(of_column, scores(f), y, scores(asked)), {}


TORCH = {"temperature": temperature, "vectorScaling": vector_scaling}
NUMPY = {"platt": platt, "isotonic": isotonic}


def answer(case):
    f, y, asked = np.array(case["logits"]), np.array(case["labels"]), np.array(case["asked"])
    if case["kind"] in TORCH:
        p, parameters = TORCH[case["kind"]](torch.tensor(f), torch.tensor(y), torch.tensor(asked))
    else:
        p, parameters = NUMPY[case["kind"]](f, y, asked)
    return {"probabilities": p, "parameters": parameters}


if __name__ == "__main__":
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
