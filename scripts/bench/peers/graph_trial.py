"""What the peers of the case graph-training share: the graph, the first weights, the clock."""

import os
import time

from graph_twins import glorot, read
from trial import options, serve, unsupported

path = os.path.join(os.path.dirname(__file__), "../../../../shared/data/graphs/npz", options["graph"] + ".npz")
if not os.path.exists(path):
    unsupported(f"there is no {path}")
problem = read(path)
parameters = glorot(problem, options["hidden"], int(problem.labels.max()) + 1)


def serve_epochs(step):
    def measure():
        started = time.perf_counter()
        for _ in range(options["steps"]):
            step()
        return {"value": (time.perf_counter() - started) / options["steps"] * 1000}

    for _ in range(20):
        step()
    serve(measure)
