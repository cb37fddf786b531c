"""Epochs of training a GCN in JAX, a compiled program an epoch."""

from graph_trial import parameters, problem, serve_epochs
from graph_twins import jax_training

serve_epochs(jax_training(problem, parameters, 0.5, 1e-3, 1e-4, "float32"))
