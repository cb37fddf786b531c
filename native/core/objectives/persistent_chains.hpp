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
  /// With a sampler that is there already.
  PersistentChains(std::shared_ptr<const Sampler> sampler, ReplayBuffer::Options options);

  /// The chains start again, at states of the energy.
  void prepare(const Energy& model, const RowSource& data, const Random& random) {
    const Domain& domain = model.program().domain;
    requireStates(domain, data);
    buffer_.fill(data, random, domain);
  }

  /// Runs this step's chains (`chains` of them, the batch size by default) and stores them back: rows of the model's
  /// law, up to the sampler's bias. The last call of a step that can be aborted. Reports the sampler's monitors,
  /// restartShare, bufferAge and bufferSaturation. With `kl` the steps are taken by it.
  Batch advance(StepContext& context, SamplerKl* kl = nullptr);
  const Sampler& sampler() const { return *sampler_; }

  std::map<std::string, at::Tensor> state() const { return buffer_.state(); }
  void setState(const std::map<std::string, at::Tensor>& state) { buffer_.setState(state); }
  Map statistics() const;

 private:
  std::shared_ptr<const Sampler> sampler_;
  ReplayBuffer buffer_;
  std::int64_t chains_ = 0;  // 0: the batch size
};

}  // namespace langevin
