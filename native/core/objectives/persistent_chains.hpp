// Negatives that live on: a sampler and its replay buffer (Tieleman 2008; restarts: Du and Mordatch 2019), as every
// objective that draws from the model uses them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "objectives/objective.hpp"
#include "objectives/sampler_kl.hpp"
#include "replay/replay_buffer.hpp"
#include "samplers/sampler.hpp"

namespace langevin {

class PersistentChains {
 public:
  /// From { sampler, buffer?, chains? }.
  explicit PersistentChains(const Spec& spec);
  /// With a sampler that is there already; `chains` of a step, 0: the batch size.
  PersistentChains(std::shared_ptr<const Sampler> sampler, ReplayBuffer::Options options, std::int64_t chains = 0);

  /// The chains start again, at states of the energy. Every number of theirs comes from `random`.
  void prepare(const Energy& model, const RowSource& data, const Random& random) {
    domain_ = model.program().domain;
    requireStates(domain_, data);
    data_ = data;
    restart(random);
  }
  /// After prepare(): the same with other numbers.
  void restart(const Random& random) {
    random_ = random;
    buffer_.fill(data_, random, domain_);
  }

  /// Runs this step's chains (`chains` of them, the batch size by default) and stores them back: rows of the model's
  /// law, up to the sampler's bias. The last call of a step that can be aborted. Reports the sampler's monitors,
  /// restartShare, bufferAge and bufferSaturation. With `kl` the steps are taken by it.
  Batch advance(StepContext& context, SamplerKl* kl = nullptr) { return store(context, move(context, kl)); }

  /// The two halves of advance(), for steps that move several lots of chains: all are moved before one is stored.
  struct Moved {
    ReplayBuffer::Draw draw;
    Batch rows;
  };
  Moved move(StepContext& context, SamplerKl* kl = nullptr) const;
  Batch store(StepContext& context, const Moved& moved);
  const Sampler& sampler() const { return *sampler_; }

  std::map<std::string, at::Tensor> state() const { return buffer_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) { buffer_.setState(state); }
  Map statistics() const;

 private:
  std::shared_ptr<const Sampler> sampler_;
  ReplayBuffer buffer_;
  std::int64_t chains_ = 0;  // 0: the batch size
  Domain domain_;
  RowSource data_;
  Random random_{0};
};

}  // namespace langevin
