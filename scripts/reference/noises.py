"""Noises with a known density, as torch distributions over rows."""

import torch


def noise_law(spec, x):
    """The noise as a torch distribution over rows."""
    d = x.shape[1]

    def columns(value):
        return torch.as_tensor(value, dtype=x.dtype).expand(d)

    if spec["kind"] == "uniform":
        return torch.distributions.Independent(
            torch.distributions.Uniform(columns(spec["low"]), columns(spec["high"]), validate_args=False), 1
        )
    if spec["kind"] == "gaussianMixture":
        components = torch.distributions.Independent(
            torch.distributions.Normal(torch.tensor(spec["means"], dtype=x.dtype), spec["sigmas"]), 1
        )
        weights = torch.tensor(spec.get("weights", [1.0] * len(spec["means"])), dtype=x.dtype)
        return torch.distributions.MixtureSameFamily(torch.distributions.Categorical(weights), components)
    if spec["kind"] == "kde":
        n = len(x)
        width = x.std(0) * n ** (-1 / (d + 4)) * spec.get("scale", 1.0)
        components = torch.distributions.Independent(torch.distributions.Normal(x, width.expand(n, d)), 1)
        return torch.distributions.MixtureSameFamily(torch.distributions.Categorical(torch.ones(n)), components)
    if spec["kind"] == "gaussian":
        law = torch.distributions.Normal(columns(spec.get("mean", 0.0)), columns(spec.get("sd", 1.0)))
        return torch.distributions.Independent(law, 1)
    rows = x.double()
    covariance = torch.cov(rows.T).reshape(d, d)
    covariance = covariance + spec.get("ridge", 1e-6) * covariance.diagonal().mean() * torch.eye(d)
    factor = torch.linalg.cholesky(covariance * spec.get("scale", 1.0) ** 2).to(x.dtype)
    return torch.distributions.MultivariateNormal(rows.mean(0).to(x.dtype), scale_tril=factor)


def draw(law, spec, noise):
    """Rows of the law from standard uniform or normal numbers."""
    if spec["kind"] == "uniform":
        low, high = law.base_dist.low, law.base_dist.high
        return low + (high - low) * noise
    if spec["kind"] == "gaussian":
        return law.base_dist.loc + law.base_dist.scale * noise
    return law.loc + noise @ law.scale_tril.T
