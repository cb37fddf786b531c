"""Detectors by scikit-learn (those fitted to rows) and NumPy (those of logits), written on their own.

As a script it reads a JSON list of cases from standard input and writes the list of scores to standard output:
  {"kind": "mahalanobis", "rows": [[...]], "shrinkage": 0.1, "x": [[...]]}
  {"kind": "knn", "rows": [[...]], "k": 5, "distance": "largest", "x": [[...]]}
  {"kind": "lof", "rows": [[...]], "k": 20, "x": [[...]]}
  {"kind": "pca", "rows": [[...]], "variance": 0.9, "x": [[...]]}
  {"kind": "gaussianMixture", "rows": [[...]], "components": 3, "ridge": 0.03, "x": [[...]]}
  {"kind": "isolationForest", "rows": [[...]], "trees": 100, "subsample": 256, "x": [[...]]}
  {"kind": "oneClassSvm", "rows": [[...]], "nu": 0.5, "gamma": 0.2, "x": [[...]]}
  {"kind": "minimumCovarianceDeterminant", "rows": [[...]], "x": [[...]]}
  {"kind": "columnDensity", "rows": [[...]], "bins": 200, "x": [[...]]}
  {"kind": "diffusionTime", "rows": [[...]], "k": 5, "steps": 300, "x": [[...]]}
  {"kind": "ecod" or "copod", "rows": [[...]], "x": [[...]]}
  {"kind": "logits", "logits": [[...]], "temperature": 2} -> {"logitEnergy", "maxSoftmax", "maxLogit"}
Higher = more out-of-distribution.
"""

import json
import sys

import numpy as np
from scipy.stats import invgamma, skew
from sklearn.covariance import MinCovDet, ShrunkCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM


def mahalanobis(case):
    fitted = ShrunkCovariance(shrinkage=case["shrinkage"]).fit(np.array(case["rows"]))
    return fitted.mahalanobis(np.array(case["x"])).tolist()


def knn(case):
    fitted = NearestNeighbors(n_neighbors=case["k"], algorithm="brute").fit(np.array(case["rows"]))
    distance, _ = fitted.kneighbors(np.array(case["x"]))
    return (distance[:, -1] if case["distance"] == "largest" else distance.mean(1)).tolist()


def lof(case):
    fitted = LocalOutlierFactor(n_neighbors=case["k"], novelty=True, algorithm="brute").fit(np.array(case["rows"]))
    return (-fitted.score_samples(np.array(case["x"]))).tolist()


def pca(case):
    rows, x = np.array(case["rows"]), np.array(case["x"])
    # A share below 1 asks for the fewest components that hold more than it.
    fitted = PCA(n_components=case["variance"], svd_solver="full").fit(rows)
    return ((x - fitted.inverse_transform(fitted.transform(x))) ** 2).sum(1).tolist()


def gaussian_mixture(case):
    fitted = GaussianMixture(case["components"], reg_covar=case["ridge"], n_init=5, tol=1e-12, max_iter=2000, random_state=0)
    return (-fitted.fit(np.array(case["rows"])).score_samples(np.array(case["x"]))).tolist()


def isolation_forest(case):
    fitted = IsolationForest(n_estimators=case["trees"], max_samples=case["subsample"], random_state=0)
    return (-fitted.fit(np.array(case["rows"])).score_samples(np.array(case["x"]))).tolist()


def one_class_svm(case):
    rows = np.array(case["rows"])
    fitted = OneClassSVM(nu=case["nu"], gamma=case["gamma"], tol=1e-12).fit(rows)
    return (-fitted.decision_function(np.array(case["x"])) / (case["nu"] * len(rows))).tolist()


def minimum_covariance_determinant(case):
    return MinCovDet(random_state=0).fit(np.array(case["rows"])).mahalanobis(np.array(case["x"])).tolist()


def column_density(case):
    rows, x, bins = np.array(case["rows"]), np.array(case["x"]), case["bins"]
    total = np.zeros(len(x))
    for column, value in zip(rows.T, x.T):
        scale = column.std() or 1
        edges = np.linspace(column.min() - scale, column.max() + scale, bins + 1)
        width = edges[1] - edges[0]
        density = np.histogram(column, edges)[0] / len(column) / width * scale
        spread = max(0.1 * scale, width)
        reach = int(np.ceil(4 * spread / width))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * width / spread) ** 2)
        smooth = np.convolve(density, kernel / kernel.sum(), "full")[reach : reach + bins]
        energy = -np.log(0.98 * smooth + 0.02 * scale / (edges[-1] - edges[0]))
        place = np.clip(((value - edges[0]) / width).astype(int), 0, bins - 1)
        total += energy[place] + np.maximum(np.maximum(edges[0] - value, value - edges[-1]), 0) / scale
    return total.tolist()


def diffusion_time(case):
    rows, x = np.array(case["rows"]), np.array(case["x"])
    variance = 1 - np.cumprod(1 - np.linspace(1e-4, 1e-2, case["steps"]))
    squares = np.sort(((x[:, None] - rows) ** 2).sum(2), 1)[:, : case["k"]].mean(1)
    return [int(invgamma.logpdf(variance, a=rows.shape[1] / 2 - 1, scale=m / 2).argmax()) for m in squares]


def tails(case):
    rows, x = np.array(case["rows"]), np.array(case["x"])
    n = len(rows)
    left = -np.log(((rows[None] <= x[:, None]).sum(1) + 1) / (n + 1))
    right = -np.log(((rows[None] >= x[:, None]).sum(1) + 1) / (n + 1))
    sign = np.sign(skew(rows, axis=0))
    pointed = left * -np.sign(sign - 1) + right * np.sign(sign + 1)
    if case["kind"] == "copod":
        return np.maximum(pointed, (left + right) / 2).sum(1).tolist()
    return np.maximum(np.maximum(left, right), pointed).sum(1).tolist()


def logits(case):
    f, t = np.array(case["logits"]), case["temperature"]
    largest = f.max(1, keepdims=True)
    softmax = np.exp(f - largest) / np.exp(f - largest).sum(1, keepdims=True)
    return {
        "logitEnergy": (-t * (np.log(np.exp((f - largest) / t).sum(1)) + largest[:, 0] / t)).tolist(),
        "maxSoftmax": (1 - softmax.max(1)).tolist(),
        "maxLogit": (-f.max(1)).tolist(),
    }


KINDS = {
    "mahalanobis": mahalanobis,
    "knn": knn,
    "lof": lof,
    "pca": pca,
    "gaussianMixture": gaussian_mixture,
    "isolationForest": isolation_forest,
    "oneClassSvm": one_class_svm,
    "minimumCovarianceDeterminant": minimum_covariance_determinant,
    "columnDensity": column_density,
    "diffusionTime": diffusion_time,
    "ecod": tails,
    "copod": tails,
    "logits": logits,
}

if __name__ == "__main__":
    json.dump([KINDS[case["kind"]](case) for case in json.load(sys.stdin)], sys.stdout)
