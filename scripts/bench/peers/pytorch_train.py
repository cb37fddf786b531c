"""A training run in eager PyTorch. Adam is the fused one, the fastest PyTorch has on a CPU."""

from pytorch_losses import extras, parameters, torch, twin
from trial import columns_of, options as o, serve_training, unsupported

e, objective, own = o["energy"], o["objective"], twin()
if own is None:
    unsupported(f"no PyTorch twin of {objective['kind']}")
data = torch.randn(10_000, columns_of(e))
if e["kind"] == "rbm":
    data = (data > 0).float()
labels = torch.randn(10_000, e["condition"]) if "condition" in e else torch.arange(10_000) % e.get("classes", 1)
optimizer = torch.optim.Adam(parameters + extras, lr=1e-3, fused=True)


def run(steps):
    for _ in range(steps):
        i = torch.randint(len(data), (o["batch"],))
        loss = own.loss(data[i], labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


serve_training(run, warm_up=max(2, min(20, o["steps"] // 4)))
