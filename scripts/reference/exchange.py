"""Files that langevin writes for other libraries, read by those, and TorchScript modules for langevin to read.

As a script it reads one JSON request from standard input and writes one JSON answer to standard output:
  {"onnx": [{"path", "dtype", "x", "y"?, "axes"?}],  onnx.checker, then the reference evaluator of the onnx package
   "torchscript": [{"path", "dtype", "x", "y"?}],    torch.jit.load, forward, logits, and the score by autograd
   "modules": {"folder", "x"}}                       TorchScript modules written there, with what they give for x
  {"onnx": [{"opset", "outputs": {name: list}}], "torchscript": [{"energy", "score"?, "logits"?, "state"}],
   "modules": {name: {"energy", "score"}}}
"""

import json
import os
import sys

import torch
from torch import Tensor, nn

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def rows(case):
    x = torch.tensor(case["x"], dtype=DTYPES[case["dtype"]])
    y = case.get("y")
    if y is None:
        return x, None
    return x, torch.tensor(y, dtype=x.dtype if isinstance(y[0], list) else torch.int64)


def run_onnx(case):
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(case["path"])
    onnx.checker.check_model(model, full_check=True)
    x, y = rows(case)
    feeds = {"x": x.reshape(case.get("axes", x.shape)).numpy()}
    if y is not None:
        feeds["y"] = y.numpy()
    names = [value.name for value in model.graph.output]
    values = ReferenceEvaluator(model).run(None, feeds)
    return {
        "opset": model.opset_import[0].version,
        "outputs": {name: value.tolist() for name, value in zip(names, values)},
    }


def run_torchscript(case):
    module = torch.jit.load(case["path"])
    x, y = rows(case)
    x.requires_grad_(True)
    values = module(x) if y is None else module(x, y)
    result = {
        "energy": values.tolist(),
        "state": {name: list(value.shape) for name, value in module.state_dict().items()},
    }
    if values.requires_grad and values.dim() == 1:
        (gradient,) = torch.autograd.grad(values.sum(), x, allow_unused=True)
        result["score"] = None if gradient is None else (-gradient).tolist()
    if hasattr(module, "logits"):
        result["logits"] = module.logits(x).tolist()
    return result


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) + (x**2).sum(1, keepdim=True)


class Flat(Wide):
    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).squeeze(1) + (x**2).sum(1)


class Image(nn.Module):
    """Rows [n, 1, 4, 4], a batch normalisation of the running statistics, and dropout."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.norm(self.conv(x))).square().sum([1, 2, 3])


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2).square().sum(1)


class TwoColumns(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2]


class WholeNumbers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x.sum(1) > 0).to(torch.int64)


class Several(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.sum(1), x.sum(1)


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.size(0) > 0:
            raise ValueError("the sensor is not calibrated")
        return x.sum(1)


class Mixes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)).square().sum(1)


class NotANumber(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log(-1 - x.square().sum(1))


def write_modules(request):
    torch.manual_seed(5)
    folder = request["folder"]
    result = {}
    good = {"flat": Flat(), "wide": Wide(), "double": Flat().double(), "image": Image(), "inPlace": InPlace()}
    for name, module in good.items():
        module.eval()
        dtype = torch.float64 if name == "double" else torch.float32
        x = torch.tensor(request["x"], dtype=dtype, requires_grad=True)
        if name == "image":
            x = x.repeat(1, 6)[:, :16].detach().reshape(-1, 1, 4, 4).requires_grad_(True)
        energy = module(x.clone()).reshape(-1)
        (gradient,) = torch.autograd.grad(energy.sum(), x)
        torch.jit.script(module).save(os.path.join(folder, f"{name}.pt"))
        flat = (-gradient).reshape(len(x), -1)
        result[name] = {"energy": energy.tolist(), "score": flat.tolist(), "x": x.reshape(len(x), -1).tolist()}
    # A traced one as well: its file has another layout of code.
    traced = torch.jit.trace(good["flat"], torch.zeros(2, 3))
    traced.save(os.path.join(folder, "traced.pt"))
    result["traced"] = result["flat"]
    for module in [TwoColumns(), WholeNumbers(), Several(), Raises(), Mixes(), NotANumber()]:
        torch.jit.script(module).save(os.path.join(folder, f"{type(module).__name__}.pt"))
    torch.save(good["flat"].state_dict(), os.path.join(folder, "state.pt"))
    return result


def main():
    torch.set_num_threads(1)
    request = json.load(sys.stdin)
    answer = {
        "onnx": [run_onnx(case) for case in request.get("onnx", [])],
        "torchscript": [run_torchscript(case) for case in request.get("torchscript", [])],
    }
    if "modules" in request:
        answer["modules"] = write_modules(request["modules"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
