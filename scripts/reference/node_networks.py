"""Networks of the nodes of a graph in plain PyTorch (index_add along the list of edges), from their equations, with the parameter
names of PyTorch Geometric.

As a script it reads a JSON list of cases from standard input and writes the list of answers to standard output:
  {"spec": {...}, "edges": [[sources], [targets]], "features": [[...]], "labels": [...], "train": [...], "dtype": "float64",
   "parameters": {name: values}, "epochs": 20, "learningRate": 0.01, "weightDecay": 1e-4, "validation": [...]}
  -> {"withEdges": {"logits", "embeddings"}, "withoutEdges": {...},
      "trained": {"loss": [...], "validationLoss": [...], "parameters": {name: values}}}
Without dropout throughout.
"""

import json
import sys

import torch
import torch.nn.functional as F


def with_self_loops(edges, n):
    """Each node is its own neighbour once."""
    there = edges[0] != edges[1]
    loops = torch.arange(n).repeat(2, 1)
    return torch.cat([edges[:, there], loops], dim=1)


def total(edges, messages, n):
    """Messages of the edges, summed at their targets."""
    return torch.zeros((n, *messages.shape[1:]), dtype=messages.dtype).index_add(0, edges[1], messages)


def propagate(x, edges, weights):
    return total(edges, x[edges[0]] * weights[:, None], x.shape[0])


def degrees(edges, n, dtype):
    return torch.zeros(n, dtype=dtype).index_add(0, edges[1], torch.ones(edges.shape[1], dtype=dtype))


def normalised(edges, n, how, dtype):
    d = degrees(edges, n, dtype)
    if how == "none":
        return torch.ones(edges.shape[1], dtype=dtype)
    if how == "row":
        return 1 / d[edges[1]]
    root = torch.where(d > 0, d.clamp(min=1) ** -0.5, torch.zeros_like(d))
    return root[edges[0]] * root[edges[1]]


class Network:
    """One evaluation: `edges` None means that no node sees another."""

    def __init__(self, spec, parameters, x, edges):
        self.spec, self.p, self.x, self.n = spec, parameters, x, x.shape[0]
        self.seen = edges is not None
        self.edges = edges if self.seen else torch.zeros((2, 0), dtype=torch.long)

    def loops(self):
        return with_self_loops(self.edges, self.n) if self.spec.get("selfLoops", True) else self.edges

    def layers(self):
        return len(self.spec["hidden"]) + 1

    def run(self):
        layer = getattr(self, self.spec["kind"])
        x = self.x
        for number in range(1, self.layers() + 1):
            x = layer(x, number)
            if number < self.layers():
                x = embeddings = x.relu()
        return (self.spread(x) if self.spec["kind"] == "appnp" else x), embeddings

    def linear(self, x, name):
        return F.linear(x, self.p[f"{name}.weight"], self.p.get(f"{name}.bias"))

    def nodeMlp(self, x, number):
        return self.linear(x, f"lin{number}")

    appnp = nodeMlp

    def spread(self, z):
        if not self.seen:
            return z
        edges, alpha = self.loops(), self.spec["alpha"]
        weights = normalised(edges, self.n, "symmetric", z.dtype)
        x = z
        for _ in range(self.spec["iterations"]):
            x = (1 - alpha) * propagate(x, edges, weights) + alpha * z
        return x

    def gcn(self, x, number):
        name = f"conv{number}"
        h = F.linear(x, self.p[f"{name}.lin.weight"])
        if self.seen:
            edges = self.loops()
            h = propagate(h, edges, normalised(edges, self.n, self.spec["normalisation"], x.dtype))
        return h + self.p[f"{name}.bias"]

    def sage(self, x, number):
        name = f"conv{number}"
        d = degrees(self.edges, self.n, x.dtype).clamp(min=1)
        mean = total(self.edges, x[self.edges[0]], self.n) / d[:, None]
        return self.linear(mean, f"{name}.lin_l") + self.linear(x, f"{name}.lin_r")

    def gin(self, x, number):
        name = f"conv{number}"
        x = (1 + self.p[f"{name}.eps"]) * x + total(self.edges, x[self.edges[0]], self.n)
        return self.linear(self.linear(x, f"{name}.nn.0").relu(), f"{name}.nn.2")

    def gat(self, x, number):
        name = f"conv{number}"
        h = F.linear(x, self.p[f"{name}.lin.weight"])
        if not self.seen:
            return h + self.p[f"{name}.bias"]
        edges, out = self.loops(), torch.zeros_like(h)
        source, target = self.p[f"{name}.att_src"], self.p[f"{name}.att_dst"]
        parts = h.view(self.n, source.shape[1], source.shape[2])
        e = F.leaky_relu(
            (parts * source).sum(-1)[edges[0]] + (parts * target).sum(-1)[edges[1]], self.spec["negativeSlope"]
        ).exp()
        weights = e / total(edges, e, self.n)[edges[1]]
        out = total(edges, parts[edges[0]] * weights[:, :, None], self.n)
        return out.reshape(self.n, -1) + self.p[f"{name}.bias"]


def outputs(spec, parameters, x, edges):
    logits, embeddings = Network(spec, parameters, x, edges).run()
    return {"logits": logits.tolist(), "embeddings": embeddings.tolist()}


def train(case, parameters, x, edges, labels):
    learned = [p for p in parameters.values() if p.requires_grad]
    adam = torch.optim.Adam(learned, lr=case["learningRate"], weight_decay=case["weightDecay"])
    losses, validation = [], []
    for _ in range(case["epochs"]):
        logits, _embeddings = Network(case["spec"], parameters, x, edges).run()
        loss = F.cross_entropy(logits[case["train"]], labels[case["train"]])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
        with torch.no_grad():
            logits, _embeddings = Network(case["spec"], parameters, x, edges).run()
            validation.append(F.cross_entropy(logits[case["validation"]], labels[case["validation"]]).item())
    return {
        "loss": losses,
        "validationLoss": validation,
        "parameters": {name: p.detach().tolist() for name, p in parameters.items()},
    }


def answer(case):
    dtype = getattr(torch, case["dtype"])
    x, edges = torch.tensor(case["features"], dtype=dtype), torch.tensor(case["edges"], dtype=torch.long)
    labels = torch.tensor(case["labels"])
    parameters = {name: torch.tensor(value, dtype=dtype) for name, value in case["parameters"].items()}
    for name, value in parameters.items():
        value.requires_grad_(not name.endswith("eps") or case["spec"].get("trainEpsilon", False))
    return {
        "withEdges": outputs(case["spec"], parameters, x, edges),
        "withoutEdges": outputs(case["spec"], parameters, x, None),
        "trained": train(case, parameters, x, edges, labels),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
