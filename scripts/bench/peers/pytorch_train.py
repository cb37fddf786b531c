"""A training run in eager PyTorch, one objective a function. Adam is the fused one, the fastest PyTorch has on a CPU."""

import math
import time

from trial import options as o, outputs_of, serve, torch_mlp, torch_threads, unsupported, widths_of

torch = torch_threads()
F = torch.nn.functional
e, objective = o["energy"], o["objective"]
net = torch_mlp(widths_of(e, outputs_of(e)))
parameters = list(net.parameters())
columns = e["input"] + (e["kind"] in ("regressor", "mixtureDensity"))
data = torch.randn(10_000, columns)
labels = torch.arange(10_000) % e.get("classes", 1)
extras = []


def energy(x):
    return net(x).squeeze(-1)


def langevin(x, sampler):
    h = sampler["stepSize"]
    for p in parameters:
        p.requires_grad_(False)
    for _ in range(sampler["steps"]):
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(energy(x).sum(), x)
        x = (x - h / 2 * gradient + h**0.5 * torch.randn_like(x)).detach()
    for p in parameters:
        p.requires_grad_(True)
    return x


def contrastive_divergence(x, y):
    negative = langevin(x, objective["sampler"])
    return energy(x).mean() - energy(negative).mean()


def persistent_contrastive_divergence(x, y):
    global buffer
    i = torch.randint(len(buffer), (len(x),))
    start = buffer[i]
    restart = torch.rand(len(x), 1) < 0.05
    start = torch.where(restart, torch.rand_like(start) * 8 - 4, start)
    negative = langevin(start, objective["sampler"])
    buffer[i] = negative
    return energy(x).mean() - energy(negative).mean()


def maximum_likelihood(x, y):
    return energy(x).mean() + torch.logsumexp(-energy(grid), 0) + log_cell


def noise_contrastive(x, y):
    noise = torch.randn_like(x)
    log_noise = lambda z: -(z**2).sum(-1) / 2 - columns / 2 * math.log(2 * math.pi)
    u = lambda z: -energy(z) - log_z - log_noise(z)
    return F.softplus(-u(x)).mean() + F.softplus(u(noise)).mean()


def denoising_score_matching(x, y):
    sigma = objective["sigma"]
    noise = torch.randn_like(x)
    noisy = (x + sigma * noise).requires_grad_(True)
    (gradient,) = torch.autograd.grad(energy(noisy).sum(), noisy, create_graph=True)
    return ((noise - sigma * gradient) ** 2).sum(-1).mean() / 2


def cross_entropy(x, y):
    return F.cross_entropy(net(x), y)


def mean_squared_error(x, y):
    return F.mse_loss(net(x[:, :-1]), x[:, -1:])


def negative_log_likelihood(x, y):
    k = e["components"]
    raw = net(x[:, :-1])
    floor = math.log(1e-3)
    log_sigma = floor + F.softplus(raw[:, 2 * k :] - floor)
    z = (x[:, -1:] - raw[:, k : 2 * k]) * torch.exp(-log_sigma)
    log_normal = -(z**2) / 2 - math.log(2 * math.pi) / 2 - log_sigma
    return -torch.logsumexp(torch.log_softmax(raw[:, :k], -1) + log_normal, -1).mean()


LOSSES = {
    "contrastiveDivergence": contrastive_divergence,
    "persistentContrastiveDivergence": persistent_contrastive_divergence,
    "maximumLikelihood": maximum_likelihood,
    "noiseContrastive": noise_contrastive,
    "denoisingScoreMatching": denoising_score_matching,
    "crossEntropy": cross_entropy,
    "meanSquaredError": mean_squared_error,
    "negativeLogLikelihood": negative_log_likelihood,
}
if objective["kind"] not in LOSSES:
    unsupported(f"no PyTorch twin of {objective['kind']}")
loss_of = LOSSES[objective["kind"]]
buffer = torch.rand(10_000, columns) * 8 - 4
if objective["kind"] == "maximumLikelihood":
    cells, box = objective["cells"], objective["box"]
    width = (box["high"] - box["low"]) / cells
    axis = box["low"] + width * (torch.arange(cells) + 0.5)
    grid = torch.cartesian_prod(axis, axis)
    log_cell = 2 * math.log(width)
if objective["kind"] == "noiseContrastive":
    log_z = torch.zeros((), requires_grad=True)
    extras = [log_z]
optimizer = torch.optim.Adam(parameters + extras, lr=1e-3, fused=True)


def run(steps):
    for _ in range(steps):
        i = torch.randint(len(data), (o["batch"],))
        loss = loss_of(data[i], labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def measure():
    started = time.perf_counter()
    run(o["steps"])
    seconds = time.perf_counter() - started
    return {"value": seconds if o["per"] == "run" else seconds / o["steps"] * 1000}


run(max(2, min(20, o["steps"] // 4)))
serve(measure)
