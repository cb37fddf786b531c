"""Contrastive divergence with TorchEBM's own sampler and loss; its energy penalty is switched off, as nobody else has one."""

from trial import options as o, serve_training, torch_mlp, torch_threads, unsupported, widths_of

torch = torch_threads()
import torchebm_checkout  # noqa: F401
from torchebm.core import BaseModel
from torchebm.losses import ContrastiveDivergence
from torchebm.samplers import LangevinDynamics

e, objective = o["energy"], o["objective"]
if objective["kind"] not in ("contrastiveDivergence", "persistentContrastiveDivergence"):
    unsupported(f"no TorchEBM twin of {objective['kind']}")


class Mlp(BaseModel):
    def __init__(self):
        super().__init__()
        self.net = torch_mlp(widths_of(e))

    def forward(self, x):
        return self.net(x).squeeze(-1)


model = Mlp()
sampler = objective["sampler"]
# A TorchEBM step of size s is drift s, noise sqrt(2 s): s = h / 2.
loss_of = ContrastiveDivergence(
    model=model,
    sampler=LangevinDynamics(model=model, step_size=sampler["stepSize"] / 2, noise_scale=1.0),
    k_steps=sampler["steps"],
    persistent=objective["kind"] == "persistentContrastiveDivergence",
    buffer_size=10_000,
    new_sample_ratio=0.05,
    energy_reg_weight=0.0,
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
data = torch.randn(10_000, e["input"])


def run(steps):
    for _ in range(steps):
        loss, _ = loss_of(data[torch.randint(len(data), (o["batch"],))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


serve_training(run, warm_up=max(2, min(20, o["steps"] // 4)))
