"""Two-sample tests by scipy: {"cases": [{"a", "b"}], "tails": [[x, degrees]]} from standard input -> {"ks", "tails"}."""

import json
import sys

from scipy import stats

request = json.load(sys.stdin)
ks = [stats.ks_2samp(case["a"], case["b"], method="exact") for case in request["cases"]]
print(
    json.dumps(
        {
            "ks": [{"statistic": float(r.statistic), "pvalue": float(r.pvalue)} for r in ks],
            "tails": [float(stats.chi2.sf(x, k)) for x, k in request["tails"]],
        }
    )
)
