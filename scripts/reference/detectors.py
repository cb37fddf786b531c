"""Detectors by scikit-learn (those fitted to rows) and NumPy (those of logits), written on their own.

As a script it reads a JSON list of cases from standard input and writes the list of scores to standard output:
  {"kind": "mahalanobis", "rows": [[...]], "shrinkage": 0.1, "x": [[...]]}
  {"kind": "knn", "rows": [[...]], "k": 5, "distance": "largest", "x": [[...]]}
  {"kind": "logits", "logits": [[...]], "temperature": 2} -> {"logitEnergy", "maxSoftmax", "maxLogit"}
Higher = more out-of-distribution.
"""

import json
import sys

import numpy as np
from sklearn.covariance import ShrunkCovariance
from sklearn.neighbors import NearestNeighbors


def mahalanobis(case):
    fitted = ShrunkCovariance(shrinkage=case["shrinkage"]).fit(np.array(case["rows"]))
    return fitted.mahalanobis(np.array(case["x"])).tolist()


def knn(case):
    fitted = NearestNeighbors(n_neighbors=case["k"], algorithm="brute").fit(np.array(case["rows"]))
    distance, _ = fitted.kneighbors(np.array(case["x"]))
    return (distance[:, -1] if case["distance"] == "largest" else distance.mean(1)).tolist()


def logits(case):
    f, t = np.array(case["logits"]), case["temperature"]
    largest = f.max(1, keepdims=True)
    softmax = np.exp(f - largest) / np.exp(f - largest).sum(1, keepdims=True)
    return {
        "logitEnergy": (-t * (np.log(np.exp((f - largest) / t).sum(1)) + largest[:, 0] / t)).tolist(),
        "maxSoftmax": (1 - softmax.max(1)).tolist(),
        "maxLogit": (-f.max(1)).tolist(),
    }


KINDS = {"mahalanobis": mahalanobis, "knn": knn, "logits": logits}

if __name__ == "__main__":
    json.dump([KINDS[case["kind"]](case) for case in json.load(sys.stdin)], sys.stdout)
