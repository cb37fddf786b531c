"""The ten losses of structured prediction and their gradients in closed form, row by row, without any tensor library.

Written from the formulas of LeCun et al. 2006 in the standard library's decimal arithmetic of 40 digits, so that tables of
expected numbers can be quoted to the last bit of a double.

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"tables": [{"loss": "hinge", "energies": [[...]], "right": [0, ...], "distance": [[...]], "epsilon": 0.25,
               "margin": 1, "beta": 1, "gamma": 1, "delta": 1, "cap": 1}]}
  {"tables": [{"values": [...], "gradient": [[...]]}]}
Every table holds the energies of all answers of every row, the right one among them.
"""

import json
import sys
from decimal import Decimal, getcontext

getcontext().prec = 40
ZERO, ONE = Decimal(0), Decimal(1)


def logistic(v):
    return ONE / (ONE + (-v).exp())


def shared(indices, count, weight):
    """`weight` spread equally over the answers that tie."""
    return [weight / len(indices) if j in indices else ZERO for j in range(count)]


def add(a, b):
    return [x + y for x, y in zip(a, b)]


def row(case, energies, right, distance):
    """Value and gradient of one row."""
    loss = case["loss"]
    option = {k: Decimal(case.get(k, 1)) for k in ("margin", "beta", "gamma", "delta", "cap")}
    e = [Decimal(v) for v in energies]
    n, c = len(e), e[right]
    unit = [ONE if j == right else ZERO for j in range(n)]
    wrong = [j for j in range(n) if Decimal(distance[j]) > Decimal(case.get("epsilon", 0))]
    least = min(e)
    lowest = [j for j in range(n) if e[j] == least]
    if loss == "energy":
        return c, unit
    if loss == "perceptron":
        return c - least, add(unit, shared(lowest, n, -ONE))
    if loss in ("nll", "mee"):
        weights = [(-option["beta"] * (v - least)).exp() for v in e]
        total = sum(weights)
        p = [w / total for w in weights]
        if loss == "nll":
            return c + (total.ln() / option["beta"] - least), [u - q for u, q in zip(unit, p)]
        # d(1 - p_c)/dE_j = beta p_c (1[j = c] - p_j)
        return ONE - p[right], [option["beta"] * p[right] * (u - q) for u, q in zip(unit, p)]
    i = min(e[j] for j in wrong)
    offending = [j for j in wrong if e[j] == i]
    if loss == "hinge":
        inside = option["margin"] + c - i
        if inside <= 0:
            return ZERO, [ZERO] * n
        return inside, add(unit, shared(offending, n, -ONE))
    if loss == "log":
        slope = logistic(c - i)
        return (ONE + (c - i).exp()).ln(), add([slope * u for u in unit], shared(offending, n, -slope))
    if loss == "mce":
        s = logistic(c - i)
        return s, add([s * (ONE - s) * u for u in unit], shared(offending, n, -s * (ONE - s)))
    if loss == "lvq2":
        if c <= i:
            return ZERO, [ZERO] * n
        if c - i >= option["cap"] * option["delta"] * i:
            return option["cap"], [ZERO] * n
        # (E_C / E_I - 1) / delta
        slope = ONE / (option["delta"] * i)
        return (c - i) * slope, add([slope * u for u in unit], shared(offending, n, -slope * c / i))
    if loss == "squareSquare":
        gap = max(ZERO, option["margin"] - i)
        return c * c + gap * gap, add([2 * c * u for u in unit], shared(offending, n, -2 * gap))
    if loss == "squareExponential":
        tail = option["gamma"] * (-i).exp()
        return c * c + tail, add([2 * c * u for u in unit], shared(offending, n, -tail))
    raise ValueError(loss)


def table(case):
    rows = [row(case, *r) for r in zip(case["energies"], case["right"], case["distance"])]
    return {"values": [float(v) for v, _ in rows], "gradient": [[float(g) for g in d] for _, d in rows]}


if __name__ == "__main__":
    json.dump({"tables": [table(case) for case in json.load(sys.stdin)["tables"]]}, sys.stdout)
