"""Scores of synthetic tables written on their own: similarity by the definitions of SDMetrics with
NumPy and SciPy, distances to the closest record, and scikit-learn's logistic regression.

As a script it reads from standard input
  {"real": {name: cells}, "synthetic", "complete", "heldOut", "numbers": [names], "label": name}
where a cell is a number, a text or null (missing), and writes
  {"columns": {name: score}, "pairs": {"a b": score},
   "closest": [distance of each synthetic row], "copied": share, "logistic": [[p(level) of each held-out row]]}
to standard output. The logistic regression learns the label from the complete rows, which miss no cell: numbers standardised, a number per level, C = 1.
"""

import json
import sys

import numpy as np
from scipy.stats import ks_2samp, pearsonr
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

BINS = 10


def numbers(cells):
    return np.array([np.nan if cell is None else cell for cell in cells], dtype=float)


def present(values):
    return values[~np.isnan(values)]


def column_score(real, synthetic, number):
    if number:
        return 1 - ks_2samp(present(numbers(real)), present(numbers(synthetic))).statistic
    real, synthetic = ([cell for cell in cells if cell is not None] for cells in (real, synthetic))
    levels = sorted(set(real) | set(synthetic))
    return 1 - sum(abs(real.count(v) / len(real) - synthetic.count(v) / len(synthetic)) for v in levels) / 2


def binned(real, synthetic):
    edges = np.histogram_bin_edges(present(numbers(real)), bins=BINS)
    edges[0], edges[-1] = -np.inf, np.inf
    return [[-1 if np.isnan(x) else int(np.digitize(x, edges)) for x in numbers(cells)] for cells in (real, synthetic)]


def contingency(real, synthetic):
    real, synthetic = list(zip(*real)), list(zip(*synthetic))
    pairs = set(real) | set(synthetic)
    return 1 - sum(abs(real.count(v) / len(real) - synthetic.count(v) / len(synthetic)) for v in pairs) / 2


def correlation(a, b):
    a, b = numbers(a), numbers(b)
    both = ~np.isnan(a) & ~np.isnan(b)
    return pearsonr(a[both], b[both]).statistic


def pair_score(real, synthetic, names, is_number):
    if all(is_number[name] for name in names):
        r, s = (correlation(table[names[0]], table[names[1]]) for table in (real, synthetic))
        return 1 - abs(r - s) / 2
    sides = [binned(real[n], synthetic[n]) if is_number[n] else [real[n], synthetic[n]] for n in names]
    return contingency([side[0] for side in sides], [side[1] for side in sides])


def closest(real, synthetic, is_number):
    total = np.zeros((len(next(iter(synthetic.values()))), len(next(iter(real.values())))))
    for name, cells in real.items():
        if is_number[name]:
            a, b = numbers(synthetic[name])[:, None], numbers(cells)[None]
            distance = np.minimum(np.abs(a - b) / np.ptp(present(b[0])), 1)
            gone = np.isnan(a), np.isnan(b)
            total += np.where(gone[0] | gone[1], gone[0] ^ gone[1], distance)
        else:
            a, b = (np.array(c, dtype=object) for c in (synthetic[name], cells))
            total += a[:, None] != b[None]
    return total.min(axis=1) / len(real)


def logistic(real, asked, label, is_number):
    names = [name for name in real if name != label]
    def rows(table):
        out = np.empty((len(table[label]), len(names)), dtype=object)
        for k, name in enumerate(names):
            out[:, k] = numbers(table[name]) if is_number[name] else table[name]
        return out
    wide = [k for k, name in enumerate(names) if is_number[name]]
    levels = [k for k, name in enumerate(names) if not is_number[name]]
    encode = make_column_transformer((StandardScaler(), wide), (OneHotEncoder(handle_unknown="ignore"), levels))
    model = make_pipeline(encode, LogisticRegression(C=1, max_iter=5000, tol=1e-8)).fit(rows(real), real[label])
    return model.predict_proba(rows(asked)).tolist()


def main():
    request = json.load(sys.stdin)
    real, synthetic, held_out = (request[name] for name in ("real", "synthetic", "heldOut"))
    is_number = {name: name in request["numbers"] for name in real}
    names = list(real)
    distances = closest(real, synthetic, is_number)
    answer = {
        "columns": {name: column_score(real[name], synthetic[name], is_number[name]) for name in names},
        "pairs": {
            f"{a} {b}": pair_score(real, synthetic, (a, b), is_number)
            for i, a in enumerate(names)
            for b in names[i + 1:]
        },
        "closest": distances.tolist(),
        "copied": float(np.mean(distances == 0)),
        "logistic": logistic(request["complete"], held_out, request["label"], is_number),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
