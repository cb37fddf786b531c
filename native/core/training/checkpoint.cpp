// What a checkpoint holds and how a run takes it up again. The tensors go out by name; the file is the caller's.
// Names: the energy's parameters under their own names (the averaged weights with ema), everything else below
// "langevin:", the networks by role: "langevin:energy/parameters", "langevin:helper/optimizer/mean". Random numbers are
// counted, not drawn from a state: seed and step say it all.
#include <cstdio>
#include <sstream>

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
  if (data_.unlabelled) hash = data_.unlabelled->hash(hash);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  fingerprint_ = text;
  return fingerprint_;
}

SavedTensors Trainer::savedState() const {
  at::NoGradGuard guard;
  SavedTensors all{{"step", at::tensor({done_}, at::kLong)}};
  const auto add = [&](const std::string& prefix, const SavedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) all.emplace(prefix + name, tensor);
  };
  add("energy/", energy_.state());
  for (const Trainable& one : context_->trainables()) add(one.role() + "/", one.state());
  if (!context_->scalarNames().empty()) {
    all.emplace("extras", context_->learnableScalars().clone());
    for (const auto& [name, tensor] : scalarOptimizer_->state()) all.emplace("extraOptimizer/" + name, tensor.clone());
  }
  add("history/", monitors_.state());
  if (validation_) add("validation/", validation_->state());
  return all;
}

Map Trainer::checkpointTensors() const {
  at::NoGradGuard guard;
  Map tensors;
  for (const auto& [name, value] : model_->parameters().named(energy_.averaged())) tensors.emplace(name, box(value));
  put(tensors, "", savedState());
  put(tensors, "objective/", objective_->state());
  put(tensors, "recovery/", recovery_.state());
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
             {"recoveries", recovery_.list()},
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
  recovery_.setState(savedBelow(saved, "recovery/"),
                     resume.has("recoveries") ? resume.at("recoveries").list() : List{});
  if (recovery_.count() > 0) useRecovered();
  objective_->setState(onDevice(savedBelow(saved, "objective/")));
  takeUp(saved);
  if (done_ > options_.steps)
    throw Error(Code::InvalidOption,
                "resume: the checkpoint is at step " + std::to_string(done_) + " and steps is " +
                    std::to_string(options_.steps) + "; steps counts from the start of the first run",
                {{"path", "steps"}, {"step", done_}});
  lastCheckpoint_ = done_;
}

SavedTensors Trainer::onDevice(SavedTensors tensors) const {
  for (auto& [name, tensor] : tensors)
    if (tensor.is_floating_point()) tensor = tensor.to(model_->device());
  return tensors;
}

void Trainer::takeUp(const SavedTensors& saved) {
  energy_.setState(savedBelow(saved, "energy/"));
  for (Trainable& one : context_->trainables()) one.setState(savedBelow(saved, one.role() + "/"));
  if (!context_->scalarNames().empty()) {
    context_->learnableScalars().copy_(savedTensor(saved, "extras"));
    scalarOptimizer_->setState(onDevice(savedBelow(saved, "extraOptimizer/")));
  }
  monitors_.setState(savedBelow(saved, "history/"));
  if (validation_) validation_->setState(savedBelow(saved, "validation/"));
  done_ = savedTensor(saved, "step").item<std::int64_t>();
  energy_.resumeAt(done_);
  for (Trainable& one : context_->trainables()) one.resumeAt(done_);
}

void Trainer::recover(const Error& error) {
  at::NoGradGuard guard;
  const std::int64_t failed = done_;
  takeUp(recovery_.goBack(failed, error));
  useRecovered();
  lastCheckpoint_ = -1;
  std::ostringstream text;
  text << error.what() << ". The run goes on from step " << done_ << " with new chains and " << recovery_.factor()
       << " times its learning rate (divergence.recover, " << recovery_.count() << " of " << options_.recovery.attempts
       << ")";
  context_->warnings().addAgain(monitorNamed("recoveries"), failed, static_cast<double>(recovery_.count()), text.str());
}

void Trainer::useRecovered() {
  objective_->restartChains(random_.fork(Salt::Recovery, static_cast<std::uint64_t>(recovery_.count())));
  energy_.scaleLearningRate(recovery_.factor());
  for (Trainable& one : context_->trainables()) one.scaleLearningRate(recovery_.factor());
}

}  // namespace langevin
