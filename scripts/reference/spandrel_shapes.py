"""The four shapes of the spandrel study and their truth by plain quadrature, written on their own.

A curve with its parameter uniform, blurred by N(0, sigma^2 I). Density: a midpoint sum over many points of the curve;
distance: the smallest distance to them.

As a script it reads a JSON list of cases from standard input and writes the list of answers to standard output:
  {"shape": "step", "points": [[x, y], ...], "sigma": 0.05} -> {"logDensity": [...], "distance": [...]}
"""

import json
import sys

import numpy as np

NODES = 40000


def midpoints(low, high, n=NODES):
    return low + (np.arange(n) + 0.5) * (high - low) / n


def step():
    x = np.concatenate([midpoints(-1.2, -0.15), midpoints(0.15, 1.2)])
    return np.stack([x, 0.6 * np.sign(x)], 1)


def split_circle():
    t = midpoints(0, np.pi)
    upper = np.stack([np.cos(t) + 0.35, np.sin(t)], 1)
    lower = np.stack([np.cos(t + np.pi) - 0.35, np.sin(t + np.pi)], 1)
    return np.concatenate([upper, lower])


def twist():
    t = midpoints(0, 2 * np.pi, 2 * NODES)
    scale = 1 + np.sin(t) ** 2
    return np.stack([1.3 * np.cos(t) / scale, 1.8 * np.sin(t) * np.cos(t) / scale], 1)


def kissing_pyramids():
    x = np.concatenate([midpoints(-1.2, -0.25), midpoints(0.25, 1.2)])
    upper = np.stack([x, np.abs(x) + 0.1], 1)
    return np.concatenate([upper, upper * [1, -1]])


SHAPES = {"step": step, "split-circle": split_circle, "twist": twist, "kissing-pyramids": kissing_pyramids}


def truth(shape, points, sigma):
    curve = SHAPES[shape]()
    log_density, distance = [], []
    for point in points:
        squared = ((curve - point) ** 2).sum(1)
        nearest = squared.min()
        mean = np.exp(-(squared - nearest) / (2 * sigma**2)).mean()
        log_density.append(np.log(mean) - nearest / (2 * sigma**2) - np.log(2 * np.pi * sigma**2))
        distance.append(np.sqrt(nearest))
    return {"logDensity": log_density, "distance": distance}


if __name__ == "__main__":
    json.dump([truth(c["shape"], np.array(c["points"]), c["sigma"]) for c in json.load(sys.stdin)], sys.stdout)
