"""Energies over discrete states: restricted Boltzmann machine, Ising and Potts."""

import itertools

import torch
from torch import nn


class Rbm(nn.Module):
    """Free energy of a restricted Boltzmann machine, from its joint energy with each hidden unit summed over 0 and 1."""

    def __init__(self, spec):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(spec["input"]))
        self.hidden = nn.Linear(spec["input"], spec["hidden"])

    def outputs(self, x, y=None):
        return self.hidden(x)

    def energy(self, x, y=None):
        field = self.hidden(x)
        off_and_on = torch.stack([torch.zeros_like(field), field])
        return -(x @ self.bias) - torch.logsumexp(off_and_on, 0).sum(1)


def lattice_neighbours(lengths, periodic):
    """Pairs of sites one step apart along an axis."""
    sites = list(itertools.product(*[range(length) for length in lengths]))
    number = {site: i for i, site in enumerate(sites)}
    pairs = set()
    for site in sites:
        for axis, length in enumerate(lengths):
            there = list(site)
            there[axis] += 1
            if there[axis] == length and periodic:
                there[axis] = 0
            other = number.get(tuple(there))
            if other is not None and other != number[site]:
                pairs.add(frozenset((number[site], other)))
    return len(sites), pairs


class PairwiseStates(nn.Module):
    """-sum_{i < j} x_i J_ij x_j - h x over sites that are single columns (ising) or one-hot blocks (potts)."""

    def __init__(self, spec):
        super().__init__()
        self.levels = spec.get("levels", 1)
        if "sites" in spec:
            sites = spec["sites"]
            self.pairs = {frozenset(pair) for pair in itertools.combinations(range(sites), 2)}
        else:
            sites, self.pairs = lattice_neighbours(spec["lattice"], spec.get("periodic", True))
        d, k = sites * self.levels, self.levels
        coupling = torch.as_tensor(spec["coupling"], dtype=torch.float64)
        if coupling.dim() == 0:
            start = torch.zeros(d, d)
            for i, j in map(sorted, self.pairs):
                start[i * k : i * k + k, j * k : j * k + k] = coupling * torch.eye(k)
            coupling = start + start.T
        field = torch.as_tensor(spec["field"], dtype=torch.float64).reshape(-1)
        self.coupling = nn.Parameter(coupling.to(torch.get_default_dtype()))
        self.field = nn.Parameter(field.repeat(d // len(field)).to(torch.get_default_dtype()))

    def energy(self, x, y=None):
        k, symmetric = self.levels, (self.coupling + self.coupling.T) / 2
        total = -(x @ self.field)
        for i, j in map(sorted, self.pairs):
            a, b = slice(i * k, i * k + k), slice(j * k, j * k + k)
            total = total - torch.einsum("na,ab,nb->n", x[:, a], symmetric[a, b], x[:, b])
        return total
