"""Layers of images and the conv network, over the names of libraries.py: see energy_twins.py. Rows come in flat."""

import math


def pair(value):
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def places(axes, kernel, stride, padding=(0, 0)):
    return [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(axes[1:], kernel, stride, padding)]


def conv2d(t, prefix, o, axes):
    kernel, stride, padding = pair(o["kernel"]), pair(o.get("stride", 1)), pair(o.get("padding", 0))
    weight = t.parameter(prefix + "weight", "plain", o["channels"], axes[0], *kernel)
    bias = t.parameter(prefix + "bias", "plain", o["channels"]) if o.get("bias", True) else None
    run = lambda x, p, y: t.L.conv2d(x, p[weight], None if bias is None else p[bias], stride, padding)
    return run, [o["channels"], *places(axes, kernel, stride, padding)]


def conv_transpose2d(t, prefix, o, axes):
    kernel, stride, padding = pair(o["kernel"]), pair(o.get("stride", 1)), pair(o.get("padding", 0))
    weight = t.parameter(prefix + "weight", "plain", axes[0], o["channels"], *kernel)
    bias = t.parameter(prefix + "bias", "plain", o["channels"])
    run = lambda x, p, y: t.L.conv_transpose2d(x, p[weight], p[bias], stride, padding)
    sizes = [(n - 1) * s - 2 * q + k for n, s, q, k in zip(axes[1:], stride, padding, kernel)]
    return run, [o["channels"], *sizes]


def pool(t, prefix, o, axes):
    """The average."""
    kernel = tuple(axes[1:]) if o["kernel"] == "global" else pair(o["kernel"])
    stride = pair(o.get("stride", kernel))
    return (lambda x, p, y: t.L.mean_pool(x, kernel, stride)), [axes[0], *places(axes, kernel, stride)]


def upsample(t, prefix, o, axes):
    down, across = pair(o.get("factor", 2))
    return (lambda x, p, y: t.L.upsample(x, down, across)), [axes[0], axes[1] * down, axes[2] * across]


def flatten(t, prefix, o, axes):
    width = axes if isinstance(axes, int) else math.prod(axes)
    return (lambda x, p, y: x.reshape(x.shape[0], width)), width


IMAGE_LAYERS = {"conv2d": conv2d, "convTranspose2d": conv_transpose2d, "pool": pool, "upsample": upsample, "flatten": flatten}


def shaped(axes, network):
    """`network` of flat rows; `axes`: a number, or those of an image."""
    if isinstance(axes, int):
        return network
    return lambda x, p, y: network(x.reshape(-1, *axes), p, y)


def conv_layers(spec):
    """The layers before the linear ones of a conv energy."""
    each, layers = lambda value, i: value[i] if isinstance(value, list) else value, []
    for i, channels in enumerate(spec["channels"]):
        kernel = each(spec.get("kernel", 3), i)
        sizes = {"kernel": kernel, "stride": each(spec.get("stride", 2), i)}
        padding = each(spec.get("padding", kernel // 2), i)
        activation = {"kind": "activation", "activation": spec.get("activation", "silu")}
        layers += [{"kind": "conv2d", "channels": channels, **sizes, "padding": padding}, activation]
    return [*layers, {"kind": "flatten"}]


def conv(t, spec):
    """The network of a conv energy, and nothing behind it."""
    layers = conv_layers(spec)
    for units in spec.get("hidden", []):
        layers += [{"kind": "linear", "out": units}, layers[1]]
    network, _ = t.layers("", [*layers, {"kind": "linear", "out": 1}], spec["input"])
    return shaped(spec["input"], network)
