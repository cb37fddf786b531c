// chains       Every slot holds one chain: it is drawn, runs on, and is stored back (Tieleman 2008).
// reservoir    The buffer is a uniform sample of all states that chains ever ended in: the n-th state offered replaces
//              a random slot with probability size / n (Vitter 1985, algorithm R; Du and Mordatch 2019). Old and new
//              states are equally likely, so negatives remember where the model had mass before.
// classBlocks  For energies E(x, y) of classes: every class owns a block of slots of equal size (Grathwohl et al.
//              2020), and a step draws from the blocks with the classes' frequencies in the data. A rare class is then
//              never short of old chains, and a frequent one does not crowd it out.
#include "replay/replay_strategy.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace langevin {
namespace {

// The n-th of `words` as a whole number below `range` (bias below range / 2^64).
std::int64_t below(const std::vector<std::uint32_t>& words, std::size_t n, std::int64_t range) {
  const std::uint64_t wide = (static_cast<std::uint64_t>(words[2 * n]) << 32) | words[2 * n + 1];
  return static_cast<std::int64_t>((static_cast<unsigned __int128>(wide) * static_cast<std::uint64_t>(range)) >> 64);
}

std::vector<std::uint32_t> wordsFor(std::int64_t count, std::uint64_t seed, std::uint64_t step, Stream stream) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(count) * 2);
  fillBits(words.data(), count, 2, seed, 0, step, stream);
  return words;
}

// `count` distinct numbers of first ... first + range - 1, every ordered choice equally likely: the first steps of a
// Fisher-Yates shuffle of 0, 1, 2, ... which are put back afterwards.
void distinct(std::int64_t* out, std::int64_t count, std::int64_t first, std::int64_t range, std::uint64_t seed,
              std::uint64_t step) {
  const std::vector<std::uint32_t> words = wordsFor(count, seed, step, Stream::BufferIndex);
  thread_local std::vector<std::int64_t> deck;
  while (static_cast<std::int64_t>(deck.size()) < range) deck.push_back(static_cast<std::int64_t>(deck.size()));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = i + below(words, static_cast<std::size_t>(i), range - i);
    std::swap(deck[static_cast<std::size_t>(i)], deck[static_cast<std::size_t>(j)]);
    out[i] = first + deck[static_cast<std::size_t>(i)];
  }
  for (std::int64_t i = 0; i < count; ++i) {  // what left place i came to a place below count, or came from there
    const std::int64_t moved = out[i] - first;
    deck[static_cast<std::size_t>(moved)] = moved;
    deck[static_cast<std::size_t>(i)] = i;
  }
}

class ChainSlots : public ReplayStrategy {
 public:
  at::Tensor draw(std::int64_t count, std::uint64_t step, const Random& random) const override {
    at::Tensor slots = at::empty({count}, at::kLong);
    distinct(slots.data_ptr<std::int64_t>(), count, 0, size_, random.seed(), step);
    return slots;
  }
};

class Reservoir final : public ChainSlots {
 public:
  at::Tensor store(const at::Tensor& slots, std::uint64_t step, std::int64_t offered,
                   const Random& random) const override {
    const std::int64_t count = slots.size(0);
    const auto words = wordsFor(count, random.fork(Salt::Reservoir).seed(), step, Stream::BufferIndex);
    at::Tensor targets = at::empty({count}, at::kLong);
    auto* out = targets.data_ptr<std::int64_t>();
    std::unordered_map<std::int64_t, std::int64_t> last;  // slot -> row: of two for one slot the later one stays
    for (std::int64_t i = 0; i < count; ++i) {
      // The starts of the chains were the first `size` states.
      const std::int64_t slot = below(words, static_cast<std::size_t>(i), size_ + offered + i + 1);
      out[i] = slot < size_ ? slot : -1;
      if (out[i] < 0) continue;
      const auto [it, first] = last.emplace(slot, i);
      if (!first) out[std::exchange(it->second, i)] = -1;
    }
    return targets;
  }
};

class ClassBlocks final : public ReplayStrategy {
 public:
  void prepare(std::int64_t size, const RowSource& data) override {
    ReplayStrategy::prepare(size, data);
    if (!data.y().defined() || data.y().dim() != 1 || data.y().scalar_type() != at::kLong)
      fail(Code::InvalidOption, "buffer.strategy 'classBlocks' is for energies E(x, y) of classes y");
    labels_ = data.y().to(at::kCPU).contiguous();
    order_ = labels_.argsort();
    classes_ = labels_.max().item<std::int64_t>() + 1;
    if (size < classes_)
      fail(Code::InvalidOption, "buffer.size is ", size, ", fewer than the ", classes_, " classes that share it");
    first_ = at::searchsorted(labels_.index_select(0, order_), at::arange(classes_ + 1, at::kLong));
    for (std::int64_t c = 0; c < classes_; ++c)
      if (rowsOf(c) == 0)
        fail(Code::InvalidOption, "class ", c,
             " has no row in the data; buffer.strategy 'classBlocks' needs one of each");
  }

  at::Tensor draw(std::int64_t count, std::uint64_t step, const Random& random) const override {
    const at::Tensor drawn = at::bincount(
        labels_.index_select(0, random.fork(Salt::ClassCounts).index(count, rows_, step, Stream::BufferIndex)), {},
        classes_);
    at::Tensor slots = at::empty({count}, at::kLong);
    auto* out = slots.data_ptr<std::int64_t>();
    for (std::int64_t c = 0; c < classes_; ++c) {
      const auto wanted = drawn[c].item<std::int64_t>();
      if (wanted > block(c + 1) - block(c))
        fail(Code::InvalidOption, "a step needs ", wanted, " chains of class ", c, " and its block holds ",
             block(c + 1) - block(c), "; raise buffer.size or lower the number of chains (chains, or batchSize)");
      distinct(out, wanted, block(c), block(c + 1) - block(c),
               random.fork(Salt::ClassSlots, static_cast<std::uint64_t>(c)).seed(), step);
      out += wanted;
    }
    return slots;
  }

  at::Tensor restart(const at::Tensor& slots, std::uint64_t step, const Random& random) const override {
    const std::int64_t count = slots.size(0);
    const auto words = wordsFor(count, random.seed(), step, Stream::ReinitRows);
    at::Tensor rows = at::empty({count}, at::kLong);
    const auto* slot = slots.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t c = classOf(slot[i]), at = firstOf(c) + below(words, static_cast<std::size_t>(i), rowsOf(c));
      rows[i] = order_[at];
    }
    return rows;
  }

 private:
  std::int64_t block(std::int64_t c) const { return c * size_ / classes_; }
  std::int64_t classOf(std::int64_t slot) const { return ((slot + 1) * classes_ - 1) / size_; }
  std::int64_t firstOf(std::int64_t c) const { return first_[c].item<std::int64_t>(); }
  std::int64_t rowsOf(std::int64_t c) const { return firstOf(c + 1) - firstOf(c); }

  std::int64_t classes_ = 0;
  at::Tensor labels_, order_, first_;  // rows by class: order_[first_[c] ... first_[c + 1])
};

template <class T>
std::unique_ptr<ReplayStrategy> make() {
  return std::make_unique<T>();
}

struct Named {
  const char* name;
  std::unique_ptr<ReplayStrategy> (*make)();
};
constexpr Named kStrategies[] = {
    {"chains", make<ChainSlots>}, {"reservoir", make<Reservoir>}, {"classBlocks", make<ClassBlocks>}};

}  // namespace

void ReplayStrategy::prepare(std::int64_t size, const RowSource& data) {
  size_ = size;
  rows_ = data.size();
}

at::Tensor ReplayStrategy::store(const at::Tensor& slots, std::uint64_t, std::int64_t, const Random&) const {
  return slots;
}

at::Tensor ReplayStrategy::restart(const at::Tensor& slots, std::uint64_t step, const Random& random) const {
  return random.index(slots.size(0), rows_, step, Stream::ReinitRows);
}

std::unique_ptr<ReplayStrategy> makeReplayStrategy(const std::string& name) {
  for (const Named& strategy : kStrategies)
    if (name == strategy.name) return strategy.make();
  return nullptr;
}

std::vector<std::string> replayStrategies() {
  std::vector<std::string> names;
  for (const Named& strategy : kStrategies) names.emplace_back(strategy.name);
  return names;
}

}  // namespace langevin
