"""Microseconds per Langevin step of TorchEBM's own sampler. Its step of size s is drift s, noise sqrt(2 s): s = h / 2."""

import time

from trial import options as o, serve, torch_mlp, torch_threads, unsupported, widths_of

torch = torch_threads()
import torchebm_checkout  # noqa: F401
from torchebm.core import BaseModel
from torchebm.samplers import LangevinDynamics

h = o.get("stepSize", 0.001)
e = o["energy"]


class Mlp(BaseModel):
    def __init__(self):
        super().__init__()
        self.net = torch_mlp(widths_of(e))

    def forward(self, x):
        return self.net(x).squeeze(-1)


class DoubleWell(BaseModel):
    """Same formula as the other contenders; TorchEBM's own DoubleWellModel has a well in every coordinate."""

    def forward(self, x):
        return (x[:, 0] ** 2 - 1) ** 2 + (x[:, 1:] ** 2).sum(-1) / 2


if e["kind"] not in ("mlp", "doubleWell"):
    unsupported(f"no TorchEBM twin of {e['kind']}")
model = Mlp() if e["kind"] == "mlp" else DoubleWell()
sampler = LangevinDynamics(model=model, step_size=h / 2, noise_scale=1.0)
x = torch.randn(o["chains"], e["input"])


def run(count):
    sampler.sample(x=x, n_steps=count)


def measure():
    started = time.perf_counter()
    run(o["steps"])
    return {"value": (time.perf_counter() - started) / o["steps"] * 1e6}


run(min(20, o["steps"]))
serve(measure)
