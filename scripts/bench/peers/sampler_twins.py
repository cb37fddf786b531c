"""One step of every sampler over the names of libraries.py, all chains at once; formulas as in native/core/samplers.

sampler_twin(L, twin, options) gives start(state) and step(state, key, i, count) -> state: i is the number of the step of count. A state
holds x, the parameters p, the condition y, and what the kernel carries from step to step (energies, gradients, velocities).
"""

import math

from energy_twins import lattice_of, pairs_of


def same(state):
    return state


class Kernels:
    def __init__(self, L, twin, options):
        self.L, self.twin, self.o, self.spec = L, twin, options["sampler"], options["energy"]
        self.energy = L.plain(twin.energy)
        self.both = L.value_and_gradient(twin.energy)
        self.h = self.o.get("stepSize")

    def evaluated(self, s, **more):
        """The state with energies and gradients of its x."""
        s = {**s, **more}
        e, g = self.both(s["x"], s["p"], s["y"])
        return {**s, "e": e, "g": g}

    def accepted(self, key, log_ratio, s, proposal):
        """Each chain of `proposal` with probability exp(log_ratio), of `s` otherwise."""
        L = self.L
        yes = L.log(L.uniform(key, log_ratio)) < log_ratio
        return {
            **s,
            "e": L.where(yes, proposal["e"], s["e"]),
            **{name: L.where(yes[:, None], proposal[name], s[name]) for name in ("x", "g")},
        }

    def langevin(self):
        heuristic, h = self.o.get("form") == "heuristic", self.h

        def step(s, key, i, count):
            _, g = self.both(s["x"], s["p"], s["y"])
            if heuristic:  # without noise
                return {**s, "x": s["x"] - h * g}
            return {**s, "x": s["x"] - h / 2 * g + h**0.5 * self.L.normal(key, g)}

        return same, step

    def annealed(self):
        L, h, ladder = self.L, self.h, ladder_of(self.o["temperatures"])

        def start(s):
            return {**s, "ladder": L.array(ladder, "float32")}

        def step(s, key, i, count):
            _, g = self.both(s["x"], s["p"], s["y"])
            temperature = s["ladder"][i * len(ladder) // count]
            return {**s, "x": s["x"] - h / 2 * g + L.cast(L.sqrt(h * temperature), g) * L.normal(key, g)}

        return start, step

    def mala(self):
        L, h = self.L, self.h

        def step(s, key, i, count):
            one, two = L.split(key, 2)
            noise = L.normal(one, s["x"])
            new = self.evaluated(s, x=s["x"] - h / 2 * s["g"] + h**0.5 * noise)
            back = s["x"] - new["x"] + h / 2 * new["g"]
            ratio = s["e"] - new["e"] + (noise * noise).sum(1) / 2 - (back * back).sum(1) / (2 * h)
            return self.accepted(two, ratio, s, new)

        return self.evaluated, step

    def leapfrog(self, s, steps):
        h = self.h

        def move(k, s):
            s = self.evaluated(s, x=s["x"] + h * s["v"])
            return {**s, "v": s["v"] - h * s["g"]}

        s = self.L.for_each(steps, move, {**s, "v": s["v"] - h / 2 * s["g"]})
        return {**s, "v": s["v"] + h / 2 * s["g"]}

    def hmc(self):
        L = self.L

        def step(s, key, i, count):
            one, two = L.split(key, 2)
            v = L.normal(one, s["x"])
            new = self.leapfrog({**s, "v": v}, self.o.get("leapfrogSteps", 10))
            ratio = s["e"] - new["e"] + ((v * v).sum(1) - (new["v"] * new["v"]).sum(1)) / 2
            return self.accepted(two, ratio, s, new)

        return self.evaluated, step

    def nuts(self):
        """One leapfrog step of all chains: what no sampler of trajectories does without."""
        return self.with_velocity, lambda s, key, i, count: self.leapfrog(s, 1)

    def with_velocity(self, s):
        L = self.L
        return self.evaluated({**s, "v": L.normal(L.key(3), s["x"])})

    def underdamped(self):
        L, h = self.L, self.h
        keeps = math.exp(-h * self.o.get("friction", 1))

        def step(s, key, i, count):
            v = s["v"] - h / 2 * s["g"]
            x = s["x"] + h / 2 * v
            v = keeps * v + math.sqrt(1 - keeps**2) * L.normal(key, v)
            s = self.evaluated(s, x=x + h / 2 * v)
            return {**s, "v": v - h / 2 * s["g"]}

        return self.with_velocity, step

    def tempering(self):
        """Replicas of all chains one temperature after another; a round of Langevin steps, then swaps of every second pair."""
        L, inner = self.L, self.o["sampler"]
        h, ladder = inner["stepSize"], ladder_of(self.o["temperatures"])
        levels = len(ladder)
        inverse = [1 / a - 1 / b for a, b in zip(ladder, ladder[1:])] + [0.0]

        def start(s):
            n, d = s["x"].shape
            hot = L.cast(L.array([[[t]] for t in ladder], "float32"), s["x"])
            noise = L.cast(L.sqrt(h * hot), s["x"])
            s = {**s, "x": L.concat([s["x"]] * levels, 0), "inverse": L.cast(L.array(inverse, "float32"), s["x"])}
            y = s["y"] if s["y"] is None else L.concat([s["y"]] * levels, 0)
            return {**self.evaluated(s, y=y), "noise": noise}

        def step(s, key, i, count):
            keys = L.split(key, inner["steps"] + 1)
            replicas = (levels, -1, s["x"].shape[1])

            def move(k, s):
                noise = (s["noise"] * L.normal(keys[k], s["x"].reshape(replicas))).reshape(s["x"].shape)
                return self.evaluated(s, x=s["x"] - h / 2 * s["g"] + noise)

            s = L.for_each(inner["steps"], move, s)
            e = s["e"].reshape(levels, -1)
            ratio = s["inverse"][:, None] * (e - L.roll(e, -1, 0))
            of_turn = (L.arange(levels) % 2 == i % 2) & (L.arange(levels) < levels - 1)
            up = (L.log(L.uniform(keys[-1], e)) < ratio) & of_turn[:, None]
            down = L.roll(up, 1, 0)

            def swapped(values):
                a = values.reshape(levels, -1, *values.shape[1:])
                u, w = (m.reshape(levels, -1, *[1] * (values.ndim - 1)) for m in (up, down))
                return L.where(u, L.roll(a, -1, 0), L.where(w, L.roll(a, 1, 0), a)).reshape(values.shape)

            return {**s, "x": swapped(s["x"]), "e": swapped(s["e"]), "g": swapped(s["g"])}

        return start, step

    # Discrete states. `delta`: what a binary or spin column changes by where it flips.
    def delta(self, x):
        return 1 - 2 * x if self.spec["kind"] in ("rbm", "mlp") else -2 * x

    def gibbs(self):
        kind = self.spec["kind"]
        if kind == "rbm":
            return same, self.layers_step
        if "lattice" in self.spec:
            return self.checkerboard() if kind == "ising" else self.colours()
        return self.pairwise_sites() if kind == "ising" else self.any_sites()

    def layers_step(self, s, key, i, count):
        L, p = self.L, s["p"]
        one, two = L.split(key, 2)
        on = L.sigmoid(L.linear(s["x"], p["hidden.weight"], p["hidden.bias"]))
        hidden = L.cast(L.uniform(one, on) < on, on)
        on = L.sigmoid(L.linear_back(hidden, p["hidden.weight"]) + p["bias"])
        return {**s, "x": L.cast(L.uniform(two, on) < on, on)}

    def checkerboard(self):
        L, (rows, columns) = self.L, lattice_of(self.spec)
        colours = [[[(r + c) % 2 == colour for c in range(columns)] for r in range(rows)] for colour in (0, 1)]

        def start(s):
            return {**s, "colours": [L.array(colour, "bool") for colour in colours]}

        def step(s, key, i, count):
            p, x = s["p"], s["x"].reshape(-1, rows, columns)
            for one, colour in zip(L.split(key, 2), s["colours"]):
                field = p["right"] * L.roll(x, -1, 2) + L.roll(p["right"] * x, 1, 2) + p["field"].reshape(rows, columns)
                if rows > 1:
                    field = field + p["down"] * L.roll(x, -1, 1) + L.roll(p["down"] * x, 1, 1)
                up = L.cast(L.uniform(one, x) < L.sigmoid(2 * field), x)
                x = L.where(colour, 2 * up - 1, x)
            return {**s, "x": x.reshape(s["x"].shape)}

        return start, step

    def colours(self):
        """Potts on a lattice: the sites of one colour depend on those of the other alone, through one product."""
        L, k = self.L, self.spec["levels"]
        rows, columns = lattice_of(self.spec)
        sites = [[r * columns + c for r in range(rows) for c in range(columns) if (r + c) % 2 == colour] for colour in (0, 1)]
        order = [L.array([s * k + level for s in part for level in range(k)], "int32") for part in sites]

        def start(s):
            a, b = order
            p, back = s["p"], sorted(range(rows * columns), key=(sites[0] + sites[1]).__getitem__)
            between = p["J"][a][:, b]
            more = {"between": between, "fields": (p["field"][a], p["field"][b])}
            inverse = L.array([site * k + level for site in back for level in range(k)], "int32")
            return {**s, **more, "a": s["x"][:, a], "b": s["x"][:, b], "inverse": inverse}

        def drawn(key, logits):
            by_site = logits.reshape(len(logits), -1, k)
            return L.one_hot(L.argmax(by_site + L.gumbel(key, by_site), 2), k, logits).reshape(logits.shape)

        def step(s, key, i, count):
            one, two = L.split(key, 2)
            a = drawn(one, s["b"] @ s["between"].T + s["fields"][0])
            return {**s, "a": a, "b": drawn(two, a @ s["between"] + s["fields"][1])}

        self.finish = lambda s: {**s, "x": L.concat([s["a"], s["b"]])[:, s["inverse"]]}
        return start, step

    def pairwise_sites(self):
        """All pairs interact: site after site."""
        L, d = self.L, self.spec["sites"]

        def step(s, key, i, count):
            u = L.uniform(key, s["x"])

            def site(j, x):
                field = x @ L.row(s["p"]["J"], j) + s["p"]["field"][j]
                return L.put(x, j, 2 * L.cast(L.column(u, j) < L.sigmoid(2 * field), field) - 1)

            return {**s, "x": L.for_each(d, site, L.copy(s["x"]))}

        return same, step

    def any_sites(self):
        """An energy of binary columns: site after site, the other value of each against its own."""
        L, d = self.L, self.spec["input"]

        def step(s, key, i, count):
            u = L.uniform(key, s["x"])

            def site(j, carry):
                x, e = carry
                other = L.put(L.copy(x), j, 1 - L.column(x, j))
                e_other = self.energy(other, s["p"], s["y"])
                flips = L.column(u, j) < L.sigmoid(e - e_other)
                return L.where(flips[:, None], other, x), L.where(flips, e_other, e)

            x, e = L.for_each(d, site, (s["x"], s["e"]))
            return {**s, "x": x, "e": e}

        return lambda s: {**s, "e": self.energy(s["x"], s["p"], s["y"])}, step

    def moves(self, x, g):
        """log q of every move of one site, [n, moves]: binary and spin columns flip, one-hot blocks go to another level."""
        if self.spec["kind"] != "potts":
            return -g * self.delta(x) / 2
        k = self.spec["levels"]
        own = (g * x).reshape(len(x), -1, k).sum(2, keepdims=True)
        logits = -(g.reshape(len(x), -1, k) - own) / 2
        return self.L.where(x.reshape(logits.shape) > 0, -math.inf, logits).reshape(x.shape)

    def gibbs_with_gradients(self):
        L, k = self.L, self.spec.get("levels")

        def moved(x, j):
            """x after move j, and the number of the move back."""
            n, d = x.shape
            if k is None:
                return x + L.one_hot(j, d, x) * self.delta(x), j
            blocks = x.reshape(n, -1, k)
            site = L.one_hot(j // k, d // k, x)[:, :, None]
            old = L.argmax((site * blocks).sum(1), 1)
            there = L.one_hot(j % k, k, x)[:, None]
            return (blocks * (1 - site) + site * there).reshape(n, d), j // k * k + old

        def step(s, key, i, count):
            one, two = L.split(key, 2)
            logits = self.moves(s["x"], s["g"])
            j = L.argmax(logits + L.gumbel(one, logits), 1)
            x, back = moved(s["x"], j)
            new = self.evaluated(s, x=x)
            there = L.take(L.log_softmax(logits, 1), j)
            ratio = s["e"] - new["e"] + L.take(L.log_softmax(self.moves(x, new["g"]), 1), back) - there
            return self.accepted(two, ratio, s, new)

        return self.evaluated, step

    def discrete_langevin(self):
        L, adjusted = self.L, self.o.get("adjusted", True)
        propose = self.propose_levels if self.spec["kind"] == "potts" else self.propose_flips

        def step(s, key, i, count):
            one, two = L.split(key, 2)
            x, there, back = propose(one, s["x"], s["g"], self.h)
            new = self.evaluated(s, x=x)
            if not adjusted:
                return new
            return self.accepted(two, s["e"] - new["e"] + back(x, new["g"]) - there, s, new)

        return self.evaluated, step

    def propose_flips(self, key, x, g, step, where=None):
        """x', log q(x' | x), and log q(x | x') once the gradient there is known; only columns of `where` move."""
        L = self.L

        def logit(x, g):
            delta = self.delta(x)
            return -g * delta / 2 - delta * delta / (2 * step)

        def log_q(x, g, flips):
            l = logit(x, g)
            parts = -L.softplus(L.where(flips, -l, l))
            return (parts if where is None else parts * where).sum(1)

        flips = L.uniform(key, x) < L.sigmoid(logit(x, g))
        if where is not None:
            flips = flips & (where > 0)
        return L.where(flips, x + self.delta(x), x), log_q(x, g, flips), lambda x, g: log_q(x, g, flips)

    def propose_levels(self, key, x, g, step):
        L, k = self.L, self.spec["levels"]

        def log_q(x, g):
            blocks, slopes = x.reshape(len(x), -1, k), g.reshape(len(x), -1, k)
            own = (slopes * blocks).sum(2, keepdims=True)
            return L.log_softmax(-(slopes - own) / 2 - (1 - blocks) / step, 2)

        there, old = log_q(x, g), L.argmax(x.reshape(len(x), -1, k), 2)
        level = L.argmax(there + L.gumbel(key, there), 2)
        back = lambda x, g: L.take(log_q(x, g), old).sum(1)
        return L.one_hot(level, k, x).reshape(x.shape), L.take(there, level).sum(1), back

    def blockwise(self):
        """A Langevin step of the real columns, then a discrete one, with its test, of the binary ones."""
        L, (on_real, on_binary) = self.L, [kernel["sampler"] for kernel in self.o["kernels"]]
        real, d = self.spec["states"][0]["columns"], self.spec["input"]
        mask = [0.0] * real + [1.0] * (d - real)

        def start(s):
            return self.evaluated({**s, "binary": L.cast(L.array(mask, "float32"), s["x"])})

        def step(s, key, i, count):
            h, (one, two, three) = on_real["stepSize"], L.split(key, 3)
            move = -h / 2 * s["g"] + h**0.5 * L.normal(one, s["x"])
            s = self.evaluated(s, x=s["x"] + (1 - s["binary"]) * move)
            x, there, back = self.propose_flips(two, s["x"], s["g"], on_binary["stepSize"], s["binary"])
            new = self.evaluated(s, x=x)
            return self.accepted(three, s["e"] - new["e"] + back(x, new["g"]) - there, s, new)

        return start, step


def ladder_of(ladder):
    """A list, or { from, to, levels } spaced geometrically."""
    if isinstance(ladder, list):
        return ladder
    ratio = (ladder["to"] / ladder["from"]) ** (1 / (ladder["levels"] - 1))
    return [ladder["from"] * ratio**i for i in range(ladder["levels"])]


KERNELS = {
    "langevin": Kernels.langevin,
    "annealedLangevin": Kernels.annealed,
    "mala": Kernels.mala,
    "hmc": Kernels.hmc,
    "nuts": Kernels.nuts,
    "underdampedLangevin": Kernels.underdamped,
    "parallelTempering": Kernels.tempering,
    "gibbs": Kernels.gibbs,
    "gibbsWithGradients": Kernels.gibbs_with_gradients,
    "discreteLangevin": Kernels.discrete_langevin,
    "blockwise": Kernels.blockwise,
}


def sampler_twin(L, twin, options):
    kernels = Kernels(L, twin, options)
    kernels.finish = same
    start, step = KERNELS[options["sampler"]["kind"]](kernels)
    return start, step, kernels.finish
