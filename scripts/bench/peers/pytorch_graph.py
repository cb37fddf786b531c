"""Epochs of training a GCN in PyTorch with sparse CSR products. Adam is the fused one, the fastest PyTorch has on a CPU."""

from graph_trial import parameters, problem, serve_epochs
from graph_twins import torch_training
from trial import torch_threads

torch = torch_threads()
serve_epochs(torch_training(problem, parameters, 0.5, 1e-3, 1e-4, torch.float32))
