"""PyTorch and JAX behind the same few names, so that a formula stands once and each library runs it in its own words.

`library(name)` gives a namespace: functions of arrays (exp, where, matmul by @ ...), `linear` and `layer_norm` as the library's own,
`weight` (the layout its products like best), random numbers (JAX's by key; PyTorch's ignore the key), gradients and loops.
"""

from types import SimpleNamespace


def torch_library():
    import torch
    from torch.nn import functional as F

    def value_and_gradient(energy):
        def both(x, *more):
            x = x.detach().requires_grad_(True)
            values = energy(x, *more)
            return values.detach(), torch.autograd.grad(values.sum(), x)[0]

        return both

    def loop(step):
        """run(state, count): the loop one writes."""

        def run(state, count):
            for i in range(count):
                state = step(state, None, i, count)
            return state

        return run

    def for_each(count, body, state):
        for i in range(count):
            state = body(i, state)
        return state

    def put(x, i, column):
        x[:, i] = column
        return x

    return SimpleNamespace(
        name="torch",
        **{f: getattr(torch, f) for f in "exp log sin cos abs sqrt where sigmoid roll arange".split()},
        array=lambda values, dtype: torch.tensor(values, dtype=getattr(torch, dtype)),
        cast=lambda x, like: x.to(like.dtype),
        logsumexp=lambda x, axis: torch.logsumexp(x, axis),
        log_softmax=lambda x, axis: torch.log_softmax(x, axis),
        softplus=F.softplus,
        concat=lambda parts, axis=1: torch.cat(parts, axis),
        argmax=lambda x, axis: x.argmax(axis),
        one_hot=lambda i, k, like: F.one_hot(i, k).to(like.dtype),
        take=lambda x, i: torch.gather(x, -1, i[..., None])[..., 0],
        column=lambda x, i: x[:, i],
        row=lambda x, i: x[i],
        put=put,
        diagonal=lambda w: torch.diag(torch.diagonal(w)),
        copy=lambda x: x.clone(),
        linear=F.linear,
        linear_back=lambda h, w: h @ w,
        weight=lambda w: w,
        layer_norm=lambda x, w, b, eps: F.layer_norm(x, x.shape[-1:], w, b, eps),
        conv2d=F.conv2d,
        conv_transpose2d=F.conv_transpose2d,
        mean_pool=F.avg_pool2d,
        upsample=lambda x, down, across: x.repeat_interleave(down, 2).repeat_interleave(across, 3),
        silu=F.silu,
        gelu=F.gelu,
        tanh=torch.tanh,
        relu=F.relu,
        leakyRelu=F.leaky_relu,
        normal=lambda key, like: torch.randn_like(like),
        uniform=lambda key, like: torch.rand_like(like),
        gumbel=lambda key, like: -torch.log(-torch.log(torch.rand_like(like).clamp_min(1e-20))),
        split=lambda key, count: [None] * count,
        key=lambda seed: torch.manual_seed(seed) and None,
        start=lambda seed, shape, dtype, sd=1.0: sd * torch.randn(shape, dtype=getattr(torch, dtype)),
        value_and_gradient=value_and_gradient,
        compiled=lambda f: f,
        plain=lambda f: torch.no_grad()(f),
        wait=lambda x: x,
        loop=loop,
        for_each=for_each,
    )


def jax_library():
    import jax
    import jax.numpy as jnp
    import numpy

    def value_and_gradient(energy):
        def summed(x, *more):
            values = energy(x, *more)
            return values.sum(), values

        def both(x, *more):
            (_, values), gradient = jax.value_and_grad(summed, has_aux=True)(x, *more)
            return values, gradient

        return both

    def loop(step):
        """run(state, count): one compiled program, a key split inside the loop, the number of steps an argument."""

        @jax.jit
        def all_steps(state, key, count):
            def one(i, carry):
                state, key = carry
                key, own = jax.random.split(key)
                return step(state, own, i, count), key

            return jax.lax.fori_loop(0, count, one, (state, key))[0]

        return lambda state, count: all_steps(state, jax.random.PRNGKey(5), count)

    def layer_norm(x, w, b, eps):
        centred = x - x.mean(-1, keepdims=True)
        out = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + eps)
        return out if w is None else out * w + b

    def conv2d(x, w, b, stride, padding):
        out = jax.lax.conv_general_dilated(x, w, stride, [(p, p) for p in padding])
        return out if b is None else out + b[:, None, None]

    def conv_transpose2d(x, w, b, stride, padding):
        pads = [(k - 1 - p, k - 1 - p) for k, p in zip(w.shape[2:], padding)]
        turned = w[:, :, ::-1, ::-1].swapaxes(0, 1)
        return jax.lax.conv_general_dilated(x, turned, (1, 1), pads, lhs_dilation=stride) + b[:, None, None]

    def mean_pool(x, kernel, stride):
        sums = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 1, *kernel), (1, 1, *stride), "VALID")
        return sums / (kernel[0] * kernel[1])

    return SimpleNamespace(
        name="jax",
        **{f: getattr(jnp, f) for f in "exp log sin cos abs sqrt where roll arange".split()},
        array=lambda values, dtype: jnp.asarray(values, dtype=dtype),
        cast=lambda x, like: x.astype(like.dtype),
        sigmoid=jax.nn.sigmoid,
        logsumexp=lambda x, axis: jax.nn.logsumexp(x, axis),
        log_softmax=lambda x, axis: jax.nn.log_softmax(x, axis),
        softplus=jax.nn.softplus,
        concat=lambda parts, axis=1: jnp.concatenate(parts, axis),
        argmax=lambda x, axis: x.argmax(axis),
        one_hot=lambda i, k, like: jax.nn.one_hot(i, k, dtype=like.dtype),
        take=lambda x, i: jnp.take_along_axis(x, i[..., None], -1)[..., 0],
        column=lambda x, i: jax.lax.dynamic_index_in_dim(x, i, 1, keepdims=False),
        row=lambda x, i: jax.lax.dynamic_index_in_dim(x, i, 0, keepdims=False),
        put=lambda x, i, column: jax.lax.dynamic_update_index_in_dim(x, column, i, 1),
        diagonal=lambda w: jnp.diag(jnp.diag(w)),
        linear_back=lambda h, w: h @ w.T,
        copy=lambda x: x,
        linear=lambda x, w, b=None: x @ w if b is None else x @ w + b,
        weight=lambda w: w.T,
        layer_norm=layer_norm,
        conv2d=conv2d,
        conv_transpose2d=conv_transpose2d,
        mean_pool=mean_pool,
        upsample=lambda x, down, across: jnp.repeat(jnp.repeat(x, down, 2), across, 3),
        silu=jax.nn.silu,
        gelu=lambda x: jax.nn.gelu(x, approximate=False),
        tanh=jnp.tanh,
        relu=jax.nn.relu,
        leakyRelu=lambda x: jax.nn.leaky_relu(x, 0.01),
        normal=lambda key, like: jax.random.normal(key, like.shape, like.dtype),
        uniform=lambda key, like: jax.random.uniform(key, like.shape, like.dtype),
        gumbel=lambda key, like: jax.random.gumbel(key, like.shape, like.dtype),
        split=lambda key, count: jax.random.split(key, count),
        key=jax.random.PRNGKey,
        # NumPy's: jax.random compiles a program for every shape.
        start=lambda seed, shape, dtype, sd=1.0: jnp.asarray(numpy.random.default_rng(seed).normal(0, sd, shape), dtype),
        value_and_gradient=value_and_gradient,
        compiled=jax.jit,
        plain=jax.jit,
        wait=jax.block_until_ready,
        loop=loop,
        for_each=lambda count, body, state: jax.lax.fori_loop(0, count, body, state),
    )


LIBRARIES = {"torch": torch_library, "jax": jax_library}


def library(name):
    return LIBRARIES[name]()
