"""The quantile transform of columns by scikit-learn, and the normal law by Python's own statistics.

As a script it reads {"train": [...], "rows": [...], "quantiles": n, "x": [...], "p": [...]} from standard input and writes
  {"z", "back"}       the rows as QuantileTransformer(output_distribution="normal", subsample=None) makes them, and back
  {"cdf", "quantile"} Phi at x, and its inverse at p
to standard output.
"""

import json
import sys
from statistics import NormalDist

import numpy as np
from sklearn.preprocessing import QuantileTransformer


def main():
    request = json.load(sys.stdin)
    train, rows = (np.array(request[name])[:, None] for name in ("train", "rows"))
    made = QuantileTransformer(n_quantiles=request["quantiles"], output_distribution="normal", subsample=None).fit(train)
    z = made.transform(rows)
    normal = NormalDist()
    answer = {
        "z": z[:, 0].tolist(),
        "back": made.inverse_transform(z)[:, 0].tolist(),
        "cdf": [normal.cdf(x) for x in request["x"]],
        "quantile": [normal.inv_cdf(p) for p in request["p"]],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
