"""Writes what a graph network of PyTorch says of the nodes of a graph, for `graph.readOutputs` of langevin.

Copy `outputs_of` and `save` into your own script: they need a model, its features and its edges, and no more than PyTorch.

With PyTorch Geometric, `edge_index` and the layers are those of the library. What is computed "without edges" is every layer as
x W + b, its propagation skipped. For a GCNConv that is `layer.lin(x) + layer.bias`; for a SAGEConv `layer.lin_r(x)`
(+ `layer.lin_l.bias`); for a GATConv with one head `layer.lin(x) + layer.bias`; for a GINConv `layer.nn((1 + layer.eps) * x)`.
DGL's GraphConv: `x @ layer.weight + layer.bias`. Embeddings are what the last layer takes, after the activation.

As a script it trains a two-layer GCN in plain PyTorch on a graph in the .npz layout of the public benchmarks (adj_*, attr_*,
labels), 20 training nodes a class, and writes the file:
  python graph_export.py cora_ml.npz outputs.npz [--epochs 200] [--seed 0] [--geometric]
--geometric uses torch_geometric's GCNConv, which has to be installed for it.
"""

import argparse

import numpy as np
import torch
from torch import nn


def outputs_of(model, x, edge_index):
    """{name: array} of a model that gives (logits, embeddings) for (x, edge_index), and without edges for (x, None)."""
    model.eval()
    with torch.no_grad():
        logits, embeddings = model(x, edge_index)
        alone, alone_embeddings = model(x, None)
    return {
        "logits": logits.numpy(),
        "embeddings": embeddings.numpy(),
        "logits_without_edges": alone.numpy(),
        "embeddings_without_edges": alone_embeddings.numpy(),
    }


def save(path, outputs, edge_index, y=None, train_mask=None):
    """`path` ends in .npz or .safetensors."""
    arrays = {**outputs, "edge_index": np.asarray(edge_index, dtype=np.int64)}
    if y is not None:
        arrays["y"] = np.asarray(y, dtype=np.int64)
    if train_mask is not None:
        arrays["train_mask"] = np.asarray(train_mask, dtype=bool)
    if path.endswith(".safetensors"):
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, path)
    else:
        np.savez(path, **arrays)


class Convolution(nn.Module):
    """Kipf and Welling 2017: D^-1/2 (A + I) D^-1/2 X W + b; X W + b without edges."""

    def __init__(self, columns, width):
        super().__init__()
        self.lin = nn.Linear(columns, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.xavier_uniform_(self.lin.weight)

    def forward(self, x, adjacency):
        x = self.lin(x)
        return (x if adjacency is None else torch.sparse.mm(adjacency, x)) + self.bias


def adjacency_of(edge_index, n):
    index = torch.cat([edge_index[:, edge_index[0] != edge_index[1]], torch.arange(n).repeat(2, 1)], 1)
    degree = torch.bincount(index[1], minlength=n).float()
    weights = (degree[index[0]] * degree[index[1]]).rsqrt()
    return torch.sparse_coo_tensor(index.flip(0), weights, (n, n)).coalesce()


class PlainGcn(nn.Module):
    def __init__(self, columns, hidden, classes):
        super().__init__()
        self.convs = nn.ModuleList([Convolution(columns, hidden), Convolution(hidden, classes)])

    def forward(self, x, edge_index):
        adjacency = None if edge_index is None else adjacency_of(edge_index, len(x))
        embeddings = self.convs[0](x, adjacency).relu()
        dropped = nn.functional.dropout(embeddings, 0.5, self.training)
        return self.convs[1](dropped, adjacency), embeddings


class GeometricGcn(nn.Module):
    def __init__(self, columns, hidden, classes):
        super().__init__()
        from torch_geometric.nn import GCNConv

        self.convs = nn.ModuleList([GCNConv(columns, hidden), GCNConv(hidden, classes)])

    def forward(self, x, edge_index):
        def layer(conv, rows):
            return conv.lin(rows) + conv.bias if edge_index is None else conv(rows, edge_index)

        embeddings = layer(self.convs[0], x).relu()
        return layer(self.convs[1], nn.functional.dropout(embeddings, 0.5, self.training)), embeddings


def read_graph(path):
    """Binarised features with rows of norm 1, edges in both directions, labels."""
    import scipy.sparse as sparse

    file = np.load(path, allow_pickle=False)
    adjacency = sparse.csr_matrix((file["adj_data"], file["adj_indices"], file["adj_indptr"]), shape=file["adj_shape"])
    features = sparse.csr_matrix((file["attr_data"], file["attr_indices"], file["attr_indptr"]), shape=file["attr_shape"])
    both = (adjacency + adjacency.T).tocoo()
    edges = np.stack([both.row, both.col])
    x = (features.toarray() != 0).astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return torch.tensor(x), torch.tensor(edges[:, edges[0] != edges[1]].astype(np.int64)), torch.tensor(file["labels"].astype(np.int64))


def train_mask_of(y, per_class, generator):
    mask = torch.zeros(len(y), dtype=torch.bool)
    for c in range(int(y.max()) + 1):
        nodes = (y == c).nonzero().squeeze(1)
        mask[nodes[torch.randperm(len(nodes), generator=generator)[:per_class]]] = True
    return mask


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--geometric", action="store_true")
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    x, edge_index, y = read_graph(arguments.graph)
    train = train_mask_of(y, 20, generator)
    kind = GeometricGcn if arguments.geometric else PlainGcn
    model = kind(x.shape[1], 64, int(y.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)
    for _ in range(arguments.epochs):
        model.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x, edge_index)[0][train], y[train]).backward()
        optimizer.step()
    outputs = outputs_of(model, x, edge_index)
    accuracy = (torch.tensor(outputs["logits"]).argmax(1) == y)[~train].float().mean()
    save(arguments.out, outputs, edge_index.numpy(), y.numpy(), train.numpy())
    print(f"{arguments.out}: {len(x)} nodes, accuracy {accuracy:.3f} on the nodes that were not trained on")


if __name__ == "__main__":
    main()
