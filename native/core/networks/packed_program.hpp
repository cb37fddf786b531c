// A network's tile program with its weights packed as that wants them.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "executors/cpu/tile_program.hpp"
#include "program/parameters.hpp"

namespace langevin {

/// Instances: float and double.
template <class T>
class PackedProgram {
 public:
  explicit PackedProgram(std::unique_ptr<TileProgramOf<T>> program) : program_(std::move(program)) {}

  const TileProgramOf<T>& program() const { return *program_; }
  /// Current with the parameters.
  std::shared_ptr<const PackedOf<T>> packed(const Parameters& parameters, Precision precision) const {
    std::lock_guard lock(mutex_);
    const std::uint64_t version = parameters.version();
    const bool complete = precision == Precision::Float32 || (packed_ && packed_->precision == precision);
    if (packed_ && packed_->version == version && complete) return packed_;
    packed_.reset();
    std::unique_ptr<PackedOf<T>> next = spare_->take();
    std::vector<at::Tensor> held;
    std::vector<ParameterValuesOf<T>> values;
    for (std::size_t i = 0; i < parameters.tensors().size(); ++i) {
      const at::Tensor& t = parameters.tensors()[i];
      held.push_back(t.detach().contiguous());
      values.push_back({held.back().template const_data_ptr<T>(), t.numel(), parameters.info()[i].learnable,
                        static_cast<std::uint64_t>(t._version())});
    }
    program_->pack(values, version, precision, *next);
    packed_ = {next.release(), [spare = spare_](PackedOf<T>* used) { spare->give(used); }};
    return packed_;
  }

 private:
  // Packed weights that are no longer in use: a training step packs again, in the memory of the step before.
  struct Spare {
    std::mutex mutex;
    std::unique_ptr<PackedOf<T>> one;

    std::unique_ptr<PackedOf<T>> take() {
      std::lock_guard lock(mutex);
      return one ? std::move(one) : std::make_unique<PackedOf<T>>();
    }
    void give(PackedOf<T>* used) {
      std::unique_ptr<PackedOf<T>> old(used);
      std::lock_guard lock(mutex);
      one.swap(old);
    }
  };

  std::unique_ptr<TileProgramOf<T>> program_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const PackedOf<T>> packed_;
  std::shared_ptr<Spare> spare_ = std::make_shared<Spare>();
};

}  // namespace langevin
