"""Every objective as plain eager PyTorch: one function an objective, one line in TWINS. Formulas as in
native/core/objectives."""

import math
from typing import Callable, NamedTuple

from trial import columns_of, options as o, outputs_of, torch_mlp, torch_threads, widths_of

torch = torch_threads()
F = torch.nn.functional
e, objective = o["energy"], o["objective"]
rbm = e["kind"] == "rbm"
net = torch.nn.Linear(e["input"], e["hidden"]) if rbm else torch_mlp(widths_of(e, outputs_of(e)))
parameters = list(net.parameters())
extras = []  # the objective's own learnable numbers, or parameters outside `net`
buffer = torch.rand(10_000, columns_of(e)) * 8 - 4
if objective["kind"] == "noiseContrastive":
    log_z = torch.zeros((), requires_grad=True)
    extras.append(log_z)
if rbm:
    visible = torch.zeros(e["input"], requires_grad=True)
    extras.append(visible)


def energy(x):
    return net(x).squeeze(-1)


def slope(x, graph=True, of=energy):
    """dE/dx; x must require a gradient."""
    return torch.autograd.grad(of(x).sum(), x, create_graph=graph)[0]


def signs(*shape):
    return torch.randint(2, shape).mul_(2).sub_(1).to(torch.get_default_dtype())


def energies(x, others):
    """Energies of rows [n, d] and of others [m, n, d], in one pass."""
    both = energy(torch.cat([x, others.flatten(0, 1)]))
    return both[: len(x)], both[len(x) :].view(others.shape[:2])


def langevin(x, sampler, steps=None):
    h = sampler["stepSize"]
    for p in parameters:
        p.requires_grad_(False)
    for _ in range(sampler["steps"] if steps is None else steps):
        x = x.detach().requires_grad_(True)
        x = (x - h / 2 * slope(x, False) + h**0.5 * torch.randn_like(x)).detach()
    for p in parameters:
        p.requires_grad_(True)
    return x


def from_buffer(x):
    i = torch.randint(len(buffer), (len(x),))
    start = buffer[i]
    restart = torch.rand(len(x), 1) < 0.05
    start = torch.where(restart, torch.rand_like(start) * 8 - 4, start)
    negatives = langevin(start, objective["sampler"])
    buffer[i] = negatives
    return negatives


def contrast(x, negatives):
    return energy(x).mean() - energy(negatives).mean()


def contrastive_divergence(x, y):
    return contrast(x, langevin(x, objective["sampler"]))


def improved_contrastive_divergence(x, y):
    kl, sampler = objective["samplerKl"], objective["sampler"]
    size = sampler["stepSize"]
    before = langevin(x, sampler, sampler["steps"] - 1).requires_grad_(True)
    last = before - size / 2 * slope(before) + size**0.5 * torch.randn_like(x)
    held = [p.detach() for p in parameters]
    names = [name for name, _ in net.named_parameters()]
    by_held = torch.func.functional_call(net, dict(zip(names, held)), (last,)).mean()
    return contrast(x, last.detach()) + kl["energy"] * by_held - kl["entropy"] * nearest_neighbour_entropy(last)


def nearest_neighbour_entropy(x):
    n, d = x.shape
    distance = torch.cdist(x.detach(), x.detach()).fill_diagonal_(math.inf)
    r = (x - x[distance.argmin(1)]).norm(dim=1)
    ball = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    psi = torch.digamma(torch.tensor([float(n), 1.0]))
    return d * r.log().mean() + ball + psi[0] - psi[1]


def persistent_contrastive_divergence(x, y):
    return contrast(x, from_buffer(x))


def pseudo_spherical(x, y):
    gamma = objective["gamma"]
    negatives = from_buffer(x)
    data, other = energy(x), energy(negatives)
    weights = torch.softmax(-gamma * other.detach(), 0)
    return -(torch.logsumexp(-gamma * data, 0) - math.log(len(x))) / gamma - (weights * other).sum()


def jensen_shannon(u):
    """f'(e^u) and f*(f'(e^u))"""
    return math.log(2) + u - F.softplus(u), F.softplus(u) - math.log(2)


def f_divergence(x, y):
    helper = HELPERS[0]
    negatives = from_buffer(x)
    data, other = energy(x), energy(negatives)

    def value(data, other):
        onto = jensen_shannon(data + helper(x).squeeze(-1))[0]
        return onto.mean(), jensen_shannon(other + helper(negatives).squeeze(-1))[1]

    onto, conjugate = value(data.detach(), other.detach())
    update_helper(conjugate.mean() - onto)
    helper.requires_grad_(False)
    onto, conjugate = value(data, other)
    helper.requires_grad_(True)
    held = conjugate.detach()
    return onto - conjugate.mean() + (other * held).mean() - other.mean() * held.mean()


def maximum_likelihood(x, y):
    cells, box = objective["cells"], objective["box"]
    width = (box["high"] - box["low"]) / cells
    axis = box["low"] + width * (torch.arange(cells) + 0.5)
    grid = torch.cartesian_prod(axis, axis)
    return energy(x).mean() + torch.logsumexp(-energy(grid), 0) + 2 * math.log(width)


def log_noise(x):
    return -(x**2).sum(-1) / 2 - x.shape[-1] / 2 * math.log(2 * math.pi)


def noise_contrastive(x, y):
    noise = torch.randn_like(x)
    u = lambda z: -energy(z) - log_z - log_noise(z)
    return F.softplus(-u(x)).mean() + F.softplus(u(noise)).mean()


def ranking_noise_contrastive(x, y):
    noise = torch.randn(objective["negatives"], *x.shape)
    data, other = energies(x, noise)
    datum = -data - log_noise(x)
    logits = torch.cat([datum[None], -other - log_noise(noise)])
    return (torch.logsumexp(logits, 0) - datum).mean()


def conditional_noise_contrastive(x, y):
    noise = torch.randn(objective["negatives"], *x.shape)
    data, other = energies(x, x + objective["sigma"] * noise)
    return 2 * F.softplus(data - other).mean()


def energy_discrepancy(x, y):
    m, sd = objective["negatives"], math.sqrt(objective["t"])
    blurred = x + sd * torch.randn_like(x)
    data, other = energies(x, blurred + sd * torch.randn(m, *x.shape))
    itself = torch.full((1, len(x)), math.log(objective["w"]))
    return torch.logsumexp(torch.cat([data - other, itself]), 0).mean() - math.log(m)


def minimum_probability_flow(x, y):
    d = x.shape[1]
    neighbours = (x - torch.eye(d)[:, None]).abs()  # one bit flipped, [d, n, d]
    v = torch.cat([x, neighbours.flatten(0, 1)])
    both = -v @ visible - F.softplus(net(v)).sum(1)
    return torch.exp((both[: len(x)] - both[len(x) :].view(d, -1)) / 2).sum(0).mean()


def slope_and_curvature(x, v):
    """dE/dx [n, d] and v' (d2E/dx2) v of directions v [m, n, d], [m, n]."""
    x = x.clone().requires_grad_(True)
    gradient = slope(x)
    turned = [torch.autograd.grad(gradient, x, one, create_graph=True)[0] for one in v]
    return gradient, (torch.stack(turned) * v).sum(-1)


def explicit_score_matching(x, y):
    exact, d = objective["trace"] == "exact", x.shape[1]
    v = torch.eye(d)[:, None].expand(d, *x.shape) if exact else signs(objective["projections"], *x.shape)
    gradient, curvature = slope_and_curvature(x, v)
    return ((gradient**2).sum(1) / 2 - (curvature.sum(0) if exact else curvature.mean(0))).mean()


def sliced_score_matching(x, y):
    v = signs(objective["projections"], *x.shape)
    if "finiteDifference" in objective:
        step = objective["finiteDifference"]
        data, other = energies(x, torch.cat([x + step * v, x - step * v]))
        up, down = other.view(2, *v.shape[:2])
        return ((up - down) ** 2 / (8 * step**2) - (up + down - 2 * data) / step**2).mean()
    gradient, curvature = slope_and_curvature(x, v)
    reduced = objective["varianceReduced"]
    square = (gradient**2).sum(1)[None] if reduced else ((gradient * v).sum(-1)) ** 2
    return (square / 2 - curvature).mean()


def denoising_score_matching(x, y):
    sigma, of = objective["sigma"], energy
    if isinstance(sigma, dict):
        ladder = torch.linspace(math.log(sigma["from"]), math.log(sigma["to"]), sigma["levels"])
        given = ladder[torch.randint(len(ladder), (len(x),))][:, None]
        sigma, of = given.exp(), lambda x: energy(torch.cat([x, given], 1))
    noise = torch.randn_like(x)
    noisy = x + sigma * noise
    if "finiteDifference" in objective:
        step, v = objective["finiteDifference"], signs(*x.shape)
        shift = step * sigma * v
        _, (up, down) = energies(x[:0], torch.stack([noisy + shift, noisy - shift]))
        return (((down - up) / (2 * step) + (v * noise).sum(1)) ** 2).mean() / 2
    return ((noise - sigma * slope(noisy.requires_grad_(True), of=of)) ** 2).sum(-1).mean() / 2


def stein_discrepancy(x, y):
    """The kernel k = (1 + |x - y|^2 / c^2)^beta; pairs i != j."""
    n, d = x.shape
    c2, beta = objective["scale"] ** 2, objective["beta"]
    s = -slope(x.clone().requires_grad_(True))
    apart = x[:, None] - x
    square = (apart**2).sum(-1)
    base = 1 + square / c2
    bend = 2 * beta / c2 * base ** (beta - 1)
    along = ((s[None] - s[:, None]) * apart).sum(-1)
    trace = -bend * d - 4 * beta * (beta - 1) / c2**2 * base ** (beta - 2) * square
    u = s @ s.T * base**beta + bend * along + trace
    return (u.sum() - u.trace()) / (n * (n - 1))


def critic_and_trace(x, graph):
    x = x.clone().requires_grad_(True)
    value = HELPERS[0](x)
    columns = range(x.shape[1])
    slopes = [torch.autograd.grad(value[:, j].sum(), x, create_graph=graph, retain_graph=True)[0] for j in columns]
    return value, sum(slopes[j][:, j] for j in columns)


def learned_stein(x, y):
    s = -slope(x.clone().requires_grad_(True))
    held = s.detach()
    for _ in range(objective["criticSteps"]):
        value, trace = critic_and_trace(x, True)
        discrepancy = (held * value).sum(1).mean() + trace.mean()
        update_helper(objective["lambda"] * (value**2).sum(1).mean() - discrepancy)
    value, trace = critic_and_trace(x, False)
    return (s * value.detach()).sum(1).mean() + trace.detach().mean()


def structured_nll(x, y):
    answers, beta = objective["answers"], objective["beta"]
    span = answers["high"] - answers["low"]
    others = answers["low"] + span * torch.rand(answers["samples"], *y.shape)
    everything = torch.cat([y[None], others])  # [1 + m, n, k]
    rows = torch.cat([x.expand(len(everything), *x.shape), everything], -1)
    all_energies = energy(rows.flatten(0, 1)).view(rows.shape[:2])
    return (all_energies[0] + torch.logsumexp(-beta * all_energies, 0) / beta).mean()


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


class Twin(NamedTuple):
    loss: Callable  # loss(x, y)
    widths: Callable = lambda: None  # of a helper network, which the loss trains by update_helper()


TWINS = {
    "contrastiveDivergence": Twin(contrastive_divergence),
    "improvedContrastiveDivergence": Twin(improved_contrastive_divergence),
    "persistentContrastiveDivergence": Twin(persistent_contrastive_divergence),
    "pseudoSpherical": Twin(pseudo_spherical),
    "fDivergence": Twin(f_divergence, lambda: widths_of(objective["helper"])),
    "maximumLikelihood": Twin(maximum_likelihood),
    "noiseContrastive": Twin(noise_contrastive),
    "rankingNoiseContrastive": Twin(ranking_noise_contrastive),
    "conditionalNoiseContrastive": Twin(conditional_noise_contrastive),
    "energyDiscrepancy": Twin(energy_discrepancy),
    "minimumProbabilityFlow": Twin(minimum_probability_flow),
    "explicitScoreMatching": Twin(explicit_score_matching),
    "slicedScoreMatching": Twin(sliced_score_matching),
    "denoisingScoreMatching": Twin(denoising_score_matching),
    "steinDiscrepancy": Twin(stein_discrepancy),
    "learnedSteinDiscrepancy": Twin(
        learned_stein, lambda: [e["input"], *objective["critic"]["hidden"], e["input"]]
    ),
    "structured": Twin(structured_nll),
    "crossEntropy": Twin(cross_entropy),
    "meanSquaredError": Twin(mean_squared_error),
    "negativeLogLikelihood": Twin(negative_log_likelihood),
}
HELPERS = []  # the helper network and its optimizer, where there is one


def twin():
    """The twin of the options' objective, or None. Makes its helper network."""
    improved = objective["kind"] == "contrastiveDivergence" and "samplerKl" in objective
    own = TWINS.get("improvedContrastiveDivergence" if improved else objective["kind"])
    if own is not None and own.widths() is not None:
        helper = torch_mlp(own.widths())
        HELPERS[:] = [helper, torch.optim.Adam(helper.parameters(), lr=1e-3, fused=True)]
    return own


def update_helper(loss):
    optimizer = HELPERS[1]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
