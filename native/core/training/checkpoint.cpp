// What a checkpoint holds and how a run takes it up again. The tensors go out by name; the file is the caller's.
// Names: the energy's parameters under their own names (the averaged weights with ema), everything else below
// "langevin:", the networks by role: "langevin:energy/parameters", "langevin:helper/optimizer/mean". Random numbers are
// counted, not drawn from a state: seed and step say it all.
#include <cstdio>

#include "tensors/tensor.hpp"
#include "training/trainer.hpp"

namespace langevin {
namespace {

constexpr const char* kPrefix = "langevin:";

void put(Map& target, const std::string& prefix, const SavedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) target.emplace(kPrefix + prefix + name, box(tensor.detach().to(at::kCPU)));
}

}  // namespace

// Once a run, at its first checkpoint: rows never change.
const std::string& Trainer::fingerprint() {
  if (!fingerprint_.empty()) return fingerprint_;
  std::uint64_t hash = data_.rows.hash(0xCBF29CE484222325ull);
  if (data_.target.defined()) hash = hashBytes(data_.target, hash);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  fingerprint_ = text;
  return fingerprint_;
}

Map Trainer::checkpointTensors() const {
  at::NoGradGuard guard;
  Map tensors;
  for (const auto& [name, value] : model_->parameters().named(energy_.averaged())) tensors.emplace(name, box(value));
  put(tensors, "", {{"step", at::tensor({done_}, at::kLong)}});
  put(tensors, "energy/", energy_.state());
  for (const Trainable& one : context_->trainables()) put(tensors, one.role() + "/", one.state());
  if (!context_->scalarNames().empty()) {
    put(tensors, "", {{"extras", context_->learnableScalars().clone()}});
    SavedTensors extra;
    for (const auto& [name, tensor] : scalarOptimizer_->state()) extra.emplace(name, tensor.clone());
    put(tensors, "extraOptimizer/", extra);
  }
  put(tensors, "objective/", objective_->state());
  put(tensors, "history/", monitors_.state());
  if (validation_) put(tensors, "validation/", validation_->state());
  return tensors;
}

void Trainer::emitCheckpoint() {
  if (lastCheckpoint_ == done_) return;  // one per step: `every`, a request and the end may coincide
  lastCheckpoint_ = done_;
  job_.emit({{"type", "checkpoint"},
             {"step", done_},
             {"steps", options_.steps},
             {"seed", options_.seed},
             {"data", fingerprint()},
             {"rows", data_.rows.size()},
             {"warnings", context_->warnings().list()},
             {"tensors", checkpointTensors()}});
}

void Trainer::restore(const Spec& resume) {
  at::NoGradGuard guard;
  SavedTensors all;
  for (const auto& [name, value] : resume.at("tensors").map())
    all.emplace(name, unbox(Spec(value, "resume.tensors." + name)));
  const SavedTensors saved = savedBelow(all, kPrefix);
  if (resume.text("data") != fingerprint())
    throw Error(Code::InvalidOption,
                resume.integer("rows", 0) == data_.rows.size()
                    ? "resume: the checkpoint was trained on as many rows (" + std::to_string(data_.rows.size()) +
                          ") with other values, other columns or another dtype; resume needs the same rows"
                    : "resume: the checkpoint was trained on other data (" + std::to_string(resume.integer("rows", 0)) +
                          " rows there, " + std::to_string(data_.rows.size()) +
                          " here); resume needs the same rows in the same order and dtype",
                {{"path", "resume"}});
  const auto here = [&](SavedTensors tensors) {
    for (auto& [name, tensor] : tensors)
      if (tensor.is_floating_point()) tensor = tensor.to(model_->device());
    return tensors;
  };
  energy_.setState(savedBelow(saved, "energy/"));
  for (Trainable& one : context_->trainables()) one.setState(savedBelow(saved, one.role() + "/"));
  if (!context_->scalarNames().empty()) {
    context_->learnableScalars().copy_(savedTensor(saved, "extras"));
    scalarOptimizer_->setState(here(savedBelow(saved, "extraOptimizer/")));
  }
  objective_->setState(here(savedBelow(saved, "objective/")));
  monitors_.setState(savedBelow(saved, "history/"));
  if (validation_) validation_->setState(savedBelow(saved, "validation/"));
  done_ = savedTensor(saved, "step").item<std::int64_t>();
  if (done_ > options_.steps)
    throw Error(Code::InvalidOption,
                "resume: the checkpoint is at step " + std::to_string(done_) + " and steps is " +
                    std::to_string(options_.steps) + "; steps counts from the start of the first run",
                {{"path", "steps"}, {"step", done_}});
  lastCheckpoint_ = done_;
  energy_.resumeAt(done_);
  for (Trainable& one : context_->trainables()) one.resumeAt(done_);
}

}  // namespace langevin
