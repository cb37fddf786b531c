"""Rows between neighbours of their class: SMOTE (Chawla et al. 2002) for a whole table, with numbers and categories as SMOTE-NC.

As a script it reads from standard input {"x": [[...]], "y": [...], "numbers": [bool per column], "rows": n, "seed": s}, where categories
are codes, and writes {"x": [[...]], "y": [...]} to standard output: n rows, the classes as often as in y. Each lies between a row and
one of its 5 nearest neighbours of the same class: numbers at a uniform place between both, categories the most frequent of the
neighbours'. Distances: Euclidean over standardised numbers and levels at distance sqrt(2) x the median of the standard deviations.
"""

import json
import sys

import numpy as np
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 5


def encoded(x, numbers):
    wide = x[:, numbers]
    scale = wide.std(axis=0)
    parts = [(wide - wide.mean(axis=0)) / np.where(scale > 0, scale, 1)]
    for column in np.flatnonzero(~numbers):
        codes = x[:, column].astype(int)
        parts.append(np.eye(codes.max() + 1)[codes])
    return np.concatenate(parts, axis=1)


def drawn(x, numbers, count, random):
    features = encoded(x, numbers)
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(x)), algorithm="brute").fit(features)
    chosen = random.integers(len(x), size=count)
    neighbours = near.kneighbors(features[chosen], return_distance=False)[:, 1:]
    other = neighbours[np.arange(count), random.integers(neighbours.shape[1], size=count)]
    out = x[chosen].copy()
    share = random.uniform(size=(count, 1))
    out[:, numbers] += share * (x[other][:, numbers] - out[:, numbers])
    for column in np.flatnonzero(~numbers):
        levels = x[neighbours, column].astype(int)
        counts = np.stack([(levels == k).sum(axis=1) for k in range(levels.max() + 1)], axis=1)
        out[:, column] = counts.argmax(axis=1)
    return out


def main():
    request = json.load(sys.stdin)
    x, y = np.array(request["x"], dtype=float), np.array(request["y"])
    numbers, random = np.array(request["numbers"]), np.random.default_rng(request["seed"])
    classes = random.choice(y, size=request["rows"])
    rows, labels = [], []
    for k in np.unique(y):
        count = int((classes == k).sum())
        if count > 0:
            rows.append(drawn(x[y == k], numbers, count, random))
            labels += [int(k)] * count
    order = random.permutation(len(labels))
    json.dump({"x": np.concatenate(rows)[order].tolist(), "y": np.array(labels)[order].tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
