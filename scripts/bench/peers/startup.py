"""From nothing to the first energy of one row, in PyTorch or jitted JAX; "bare": the interpreter alone."""

from trial import options as o, serve

if o.get("module") == "torch":
    from trial import torch_mlp, torch_threads

    torch = torch_threads()
    with torch.no_grad():
        float(torch_mlp([2, 128, 128, 1])(torch.tensor([[0.5, -0.5]])))
elif o.get("module") == "jax":
    import jax
    import jax.numpy as jnp

    from trial import jax_mlp

    weights = jax_mlp(jax.random.PRNGKey(1), [2, 128, 128, 1])

    @jax.jit
    def energy(x):
        for w, b in weights[:-1]:
            x = jax.nn.silu(x @ w + b)
        w, b = weights[-1]
        return x @ w + b

    float(energy(jnp.array([[0.5, -0.5]]))[0, 0])

with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
serve(lambda: {"value": 0, "peakMiB": peak})
