"""The metrics by scikit-learn where it has them and plain NumPy where it has not, written on their own.

As a script it reads a JSON list of cases from standard input and writes the list of answers to standard output:
  {"kind": "ranking", "scores": [...], "labels": [...]}           labels: 1 = out-of-distribution
      -> {"ood": {...}, "id": {...}} with auroc, auprStep, auprTrapezoid, fprFirst, fprNearest for either positive class
  {"kind": "calibration", "logits": [[...]], "labels": [...], "bins": 15} -> {"ece", "mce", "eceMass", "mceMass",
      "classwise", "classwiseMass", "brier", "nll"}
  {"kind": "delong", "first": [...], "second": [...], "labels": [...]} -> {"first", "second", "standardError", "z", "pValue"}
  {"kind": "distances", "x": [[...]], "y": [[...]], "order": 2}
      -> {"energy", "energyUnbiased", "bandwidth", "mmd", "mmdUnbiased", "wasserstein1d"}
"""

import json
import sys

import numpy as np
from scipy.stats import norm
from sklearn import metrics
from sklearn.calibration import calibration_curve


def fpr_first(positive, score, tpr):
    """The rule of OpenOOD: the first threshold from the highest down that reaches the rate."""
    fpr, rates, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    return fpr[np.argmax(rates >= tpr)]


def fpr_nearest(positive, score, tpr):
    """The rule of Liu et al. 2020: the threshold whose rate is nearest; of equal ones the lowest threshold."""
    best, answer = np.inf, None
    for threshold in sorted(set(score), reverse=True):
        caught = score >= threshold
        rate = caught[positive == 1].mean()
        if abs(rate - tpr) <= best:
            best, answer = abs(rate - tpr), caught[positive == 0].mean()
        if rate == 1:
            break
    return answer


def ranking(case):
    scores, labels = np.array(case["scores"], float), np.array(case["labels"])
    answer = {}
    for name, positive, score in (("ood", labels, scores), ("id", 1 - labels, -scores)):
        precision, recall, _ = metrics.precision_recall_curve(positive, score)
        answer[name] = {
            "auroc": metrics.roc_auc_score(positive, score),
            "auprStep": metrics.average_precision_score(positive, score),
            "auprTrapezoid": metrics.auc(recall, precision),
            "fprFirst": fpr_first(positive, score, 0.95),
            "fprNearest": fpr_nearest(positive, score, 0.95),
        }
    return answer


def binned(confidence, hit, bins, strategy):
    """(share of the rows, |rate - mean confidence|) of every bin that is not empty: the rates are scikit-learn's, which does not tell
    the shares."""
    rate, mean = calibration_curve(hit, confidence, n_bins=bins, strategy=strategy)
    quantiles = strategy == "quantile"
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)) if quantiles else np.linspace(0, 1, bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=bins)
    return list(zip(counts[counts > 0] / len(confidence), abs(rate - mean)))


def calibration(case):
    logits, labels, bins = np.array(case["logits"]), np.array(case["labels"]), case["bins"]
    shifted = logits - logits.max(1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    confidence, right = p.max(1), p.argmax(1) == labels
    ece = 0.0
    for b in range(bins):
        last = b == bins - 1
        inside = (confidence >= b / bins) & ((confidence < (b + 1) / bins) | last)
        if inside.any():
            ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    one_hot = np.eye(p.shape[1])[labels]
    widths = [binned(confidence, right, bins, "uniform")]
    masses = [binned(confidence, right, bins, "quantile")]
    own = [(p[:, k], labels == k) for k in range(p.shape[1])]
    return {
        "ece": ece,
        "mce": max(gap for _, gap in widths[0]),
        "eceMass": sum(share * gap for share, gap in masses[0]),
        "mceMass": max(gap for _, gap in masses[0]),
        "classwise": np.mean([sum(s * g for s, g in binned(q, hit, bins, "uniform")) for q, hit in own]),
        "classwiseMass": np.mean([sum(s * g for s, g in binned(q, hit, bins, "quantile")) for q, hit in own]),
        "brier": ((p - one_hot) ** 2).sum(1).mean(),
        "nll": metrics.log_loss(labels, p, labels=list(range(p.shape[1]))),
    }


def delong(case):
    """Areas of two detectors, and the standard error of their difference, from all pairs of a positive and a negative row."""
    labels = np.array(case["labels"])
    areas, of_positive, of_negative = [], [], []
    for scores in (np.array(case["first"], float), np.array(case["second"], float)):
        a, b = scores[labels == 1], scores[labels == 0]
        wins = (a[:, None] > b[None]) + 0.5 * (a[:, None] == b[None])
        areas.append(wins.mean())
        of_positive.append(wins.mean(1))
        of_negative.append(wins.mean(0))
    covariance = np.cov(of_positive) / (labels == 1).sum() + np.cov(of_negative) / (labels == 0).sum()
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    z = (areas[0] - areas[1]) / error
    return {"first": areas[0], "second": areas[1], "standardError": error, "z": z, "pValue": 2 * norm.sf(abs(z))}


def wasserstein_1d(a, b, order):
    """W_p^p of two samples of equal size: sorted against sorted."""
    return (np.abs(np.sort(a) - np.sort(b)) ** order).mean()


def distances(case):
    x, y = np.array(case["x"]), np.array(case["y"])
    xx, yy, xy = (np.linalg.norm(a[:, None] - b[None], axis=2) for a, b in ((x, x), (y, y), (x, y)))
    pooled = np.concatenate([x, y])
    every = np.linalg.norm(pooled[:, None] - pooled[None], axis=2)
    bandwidth = np.median(every[np.triu_indices(len(pooled), 1)])
    n, m = len(x), len(y)

    def off(values):
        return (values.sum() - np.trace(values)) / (len(values) * (len(values) - 1))

    kxx, kyy, kxy = (np.exp(-(d**2) / (2 * bandwidth**2)) for d in (xx, yy, xy))
    answer = {
        "energy": 2 * xy.mean() - xx.mean() - yy.mean(),
        "energyUnbiased": 2 * xy.mean() - off(xx) - off(yy),
        "bandwidth": bandwidth,
        "mmd": kxx.mean() + kyy.mean() - 2 * kxy.mean(),
        "mmdUnbiased": off(kxx) + off(kyy) - 2 * kxy.mean(),
    }
    if x.shape[1] == 1 and n == m:
        answer["wasserstein1d"] = wasserstein_1d(x[:, 0], y[:, 0], case["order"]) ** (1 / case["order"])
    return answer


KINDS = {"ranking": ranking, "calibration": calibration, "distances": distances, "delong": delong}

if __name__ == "__main__":
    json.dump([KINDS[case["kind"]](case) for case in json.load(sys.stdin)], sys.stdout)
