// Langevin and MALA on a tile of chains, all steps without leaving the kernel. Same formulas, order and random numbers
// as samplers/fused.cpp: x' = x - drift g + noise xi, clip, box, Metropolis test, the tally.
#pragma once

#include "executors/cuda/machine.hpp"

namespace langevin::cuda {

struct Counts {
  double acceptance = 0;
  int accepted = 0, proposals = 0, divergences = 0, clipped = 0, clamped = 0;
};

template <class Lanes>
struct Chain {
  Tile<Lanes>& tile;
  Counts counts;
  const Launch& launch = tile.launch;
  float *x = tile.rowOf(launch.position), *g = tile.rowOf(launch.slope), *e = tile.rowOf(launch.level);

  LANGEVIN_HD explicit Chain(Tile<Lanes>& t) : tile(t) {}

  LANGEVIN_HD float* stored(float* base) const { return base + tile.globalRow * launch.columns; }

  template <class Each>
  LANGEVIN_HD void columns(Each each) const {
    LANGEVIN_ROLLED
    for (int c = tile.lane; c < launch.columns; c += launch.lanes) each(c);
  }

  // Start: positions (and what belongs to them, unless it is to be computed) from global memory.
  LANGEVIN_HD void load() {
    columns([&](int c) { x[c] = stored(launch.x)[c]; });
    if (launch.condition.width > 0) {
      float* y = tile.rowOf(launch.condition);
      for (int c = tile.lane; c < launch.condition.width; c += launch.lanes)
        y[c] = launch.y[tile.globalRow * launch.condition.width + c];
    }
    if (!launch.fresh) restore();
    tile.lanes.syncRow();
  }

  LANGEVIN_HD void restore() {
    columns([&](int c) {
      x[c] = stored(launch.x)[c];
      g[c] = stored(launch.gradient)[c];
    });
    if (tile.lane == 0) e[0] = launch.energy[tile.globalRow];
  }

  LANGEVIN_HD void save() {
    if (!tile.real) return;
    columns([&](int c) {
      stored(launch.x)[c] = x[c];
      stored(launch.gradient)[c] = g[c];
    });
    if (tile.lane == 0) launch.energy[tile.globalRow] = e[0];
  }

  /// True when some chain of the block is lost; the earliest of them is noted. All threads agree.
  LANGEVIN_HD bool lost(int step, bool atStart) {
    bool position = false, slope = false;
    columns([&](int c) {
      position |= !finite(x[c]);
      slope |= !finite(g[c]);
    });
    const bool energy = !finite(e[0]);
    const bool bad = energy || position || (atStart && slope);
    if (bad && tile.real) {
      const int what = energy ? kLostEnergy : position ? kLostPosition : kLostGradient;
      const std::uint64_t key = (static_cast<std::uint64_t>(step) << 40) |
                                (static_cast<std::uint64_t>(tile.globalRow) << 2) | static_cast<std::uint64_t>(what);
      tile.lanes.smallest(launch.lost, key);
    }
    return tile.lanes.any(bad);
  }

  /// Factor that shortens a gradient to the clip; a non-finite row stays non-finite.
  LANGEVIN_HD float clipFactor(const float* gradient, bool count) {
    if (launch.clip <= 0) return 1.0f;
    double part = 0;
    columns([&](int c) { part += static_cast<double>(gradient[c]) * gradient[c]; });
    const double norm = sqrt(tile.lanes.sumRow(part));
    if (!(norm > launch.clip)) return 1.0f;
    if (count && tile.lane == 0) ++counts.clipped;
    return static_cast<float>(launch.clip / norm);
  }

  LANGEVIN_HD void propose(const StepNumbers& s, std::uint64_t counter, float factor) {
    const float drift = static_cast<float>(s.drift), noise = static_cast<float>(s.noise);
    LANGEVIN_ROLLED
    for (int block = tile.lane; 4 * block < launch.columns; block += launch.lanes) {
      Quad xi{};
      if (noise > 0.0f)
        xi =
            normalsOf(randomWords(launch.seed, tile.chain(), counter, kNoiseStream, static_cast<std::uint32_t>(block)));
      LANGEVIN_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int c = 4 * block + i;
        if (c < launch.columns) x[c] = x[c] - drift * (g[c] * factor) + noise * xi.v[i];
      }
    }
    tile.lanes.syncRow();
  }

  LANGEVIN_HD bool outside() const {
    int part = 0;
    columns([&](int c) { part |= !(x[c] >= launch.low && x[c] <= launch.high); });
    return tile.lanes.sumRow(static_cast<float>(part)) > 0.0f;
  }

  // Back into the box; an infinite position becomes NaN rather than a border point, so that it stays visible.
  LANGEVIN_HD void bound() {
    if (!outside()) return;
    if (tile.lane == 0) ++counts.clamped;
    const double low = launch.low, high = launch.high, width = high - low;
    columns([&](int c) {
      const double v = x[c];
      if (v >= low && v <= high) return;
      if (!finite(x[c])) {
        x[c] = floatOf(0x7FC00000u);
        return;
      }
      double to = v;
      if (launch.reflect) {
        double phase = (v - low) - 2 * width * floor((v - low) / (2 * width));
        if (phase > width) phase = 2 * width - phase;
        to = phase + low;
      }
      x[c] = static_cast<float>(to < low ? low : to > high ? high : to);
    });
  }

  // log of the Metropolis-Hastings ratio from the stored state to this one; see langevinLogRatio in samplers/moves.hpp.
  // Rows beyond the last have no state of their own: what they would read is being written by the last row's lanes.
  LANGEVIN_HD double logRatio(const StepNumbers& s, float factor, float nextFactor) {
    const double h = 2 * s.drift;
    double part = 0;
    columns([&](int c) {
      if (!tile.real) return;
      const double from = stored(launch.gradient)[c] * factor, to = g[c] * nextFactor;
      part += (static_cast<double>(x[c]) - stored(launch.x)[c] - h / 4 * (to - from)) * (from + to);
    });
    const double inner = tile.lanes.sumRow(part);
    if (!tile.real) return 0.0;
    return (static_cast<double>(launch.energy[tile.globalRow]) - e[0] + 0.5 * inner) / s.temperature;
  }

  LANGEVIN_HD void tally(double ratio) {
    if (tile.lane != 0) return;
    const double p = exp(ratio < 0 ? ratio : 0.0);
    counts.acceptance += ratio == ratio ? p : 0.0;
    ++counts.proposals;
  }

  LANGEVIN_HD void metropolis(const StepNumbers& s, std::uint64_t counter, float factor) {
    double ratio = logRatio(s, factor, clipFactor(g, false));
    if (launch.boxed && outside()) {
      if (tile.lane == 0) ++counts.clamped;
      ratio = -INFINITY;
    }
    if (tile.lane == 0 && !finite(e[0])) ++counts.divergences;
    tally(ratio);
    const Words words = randomWords(launch.seed, tile.chain(), counter, kAcceptStream, 0);
    // A ratio that is not a number compares false: such a proposal is refused, never entered.
    const bool accept = log(static_cast<double>(uniformOf(words.w[0]))) < ratio;
    if (accept && tile.lane == 0) ++counts.accepted;
    tile.lanes.syncRow();
    if (!accept && tile.real) restore();
    tile.lanes.syncRow();
  }

  /// The move of a step, up to where the proposal is to be evaluated. Returns the clip factor of the old gradient.
  LANGEVIN_HD float move(const StepNumbers& s, std::uint64_t counter, bool judged) {
    const float factor = clipFactor(g, true);
    if (judged) save();
    tile.lanes.syncRow();
    propose(s, counter, factor);
    if (launch.boxed && !launch.adjusted) bound();
    tile.lanes.syncRow();
    return factor;
  }

  /// Step -1 evaluates the start. False when a chain was lost: the block stops.
  LANGEVIN_HD bool step(int index) {
    const bool start = index < 0;
    const StepNumbers s = start ? StepNumbers{} : launch.schedule[index];
    const std::uint64_t counter = launch.counter + static_cast<std::uint64_t>(index);
    const bool judged = launch.adjusted || (launch.monitor && s.temperature > 0);
    const float factor = start ? 1.0f : move(s, counter, judged);
    evaluateTile(tile);
    tile.lanes.syncRow();
    if (!start && launch.adjusted) {
      metropolis(s, counter, factor);
      return true;
    }
    if (!start && judged) tally(logRatio(s, factor, clipFactor(g, false)));
    return !lost(index + 1, start);
  }
};

// Sums of the rows' counts in the order of the rows, so that they do not depend on anything.
template <class Lanes>
LANGEVIN_HD void report(Tile<Lanes>& tile, const Counts& counts, int block) {
  const Launch& l = tile.launch;
  double* all = reinterpret_cast<double*>(tile.shared);  // the values of the tile are spent
  tile.lanes.sync();
  if (tile.lane == 0) {
    const double row[kCounts] = {counts.acceptance,          double(counts.accepted), double(counts.proposals),
                                 double(counts.divergences), double(counts.clipped),  double(counts.clamped)};
    for (int k = 0; k < kCounts; ++k) all[tile.row * kCounts + k] = tile.real ? row[k] : 0.0;
  }
  tile.lanes.sync();
  const int k = tile.lanes.thread();
  if (k >= kCounts) return;
  double sum = 0;
  for (int r = 0; r < l.tileRows; ++r) sum += all[r * kCounts + k];
  l.counts[static_cast<std::int64_t>(block) * kCounts + k] += sum;
}

template <class Lanes>
LANGEVIN_HD void runTile(const Launch& launch, Lanes& lanes, float* shared, int block) {
  Tile<Lanes> tile(launch, lanes, shared, block);
  for (int i = 4 * lanes.thread(); i < launch.resident; i += 4 * launch.threads)
    lanes.copy16(shared + launch.residentAt + i, launch.arena + i);
  lanes.commit();
  lanes.waitFor(0);
  Chain<Lanes> chain(tile);
  chain.load();
  lanes.sync();
  bool alive = true;
  LANGEVIN_ROLLED
  for (int i = launch.fresh ? -1 : 0; alive && i < launch.steps; ++i) alive = chain.step(i);
  chain.save();
  report(tile, chain.counts, block);
}

}  // namespace langevin::cuda
