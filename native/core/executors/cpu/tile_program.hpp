// The fused CPU executor: an energy's program compiled to tile operations on plain float32 arrays. No tape, no
// allocation per step, no dispatcher; values, input gradients and parameter gradients of one tile stay in cache. Its
// twin is evaluate() with autograd.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernels/tile_kernels.hpp"
#include "program/parameters.hpp"
#include "program/program.hpp"

namespace langevin {

class TileProgram;

/// What a tile evaluates. Pointers are to contiguous float32 rows; y is float32 [n, width] or int64 [n]
/// labels, or null.
struct TileInput {
  const float* x = nullptr;
  const float* y = nullptr;
  const std::int64_t* labels = nullptr;
  std::int64_t rows = 0;
};

/// Numbers that begin on a cache line: a vector that lies across two lines costs twice.
class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(std::size_t count)
      : data_(static_cast<float*>(::operator new(count * sizeof(float), kLine))), size_(count) {}
  float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(float* p) const { ::operator delete(p, kLine); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t size_ = 0;
};

/// Buffers of one thread (or of one tile of a training tape). Grows as needed, never shrinks; what was in it is lost
/// when it grows.
class TileWorkspace {
 public:
  float* reserve(std::size_t count) {
    if (memory_.size() < count) memory_ = AlignedFloats(count);
    return memory_.data();
  }

 private:
  AlignedFloats memory_;
};

/// Which gradients a backward pass wants.
enum class Wanted { Input, Parameters };

/// Of the products behind a gradient. Their sums, the numbers between layers and layers of few inputs
/// are float32 always.
enum class Precision { Float32, BFloat16 };

struct TileNode;

class TileProgram {
 public:
  /// Null, with the reason, when an operation has no tile form.
  static std::unique_ptr<TileProgram> compile(const Program& program, const Parameters& parameters,
                                              std::string& reason);
  /// One that also has recordScore() and scoreGradient(), and no buffers shared between operations; null where an
  /// operation has no second derivatives here, and with dropout.
  static std::unique_ptr<TileProgram> compileSecondOrder(const Program& program, const Parameters& parameters,
                                                         std::string& reason);
  ~TileProgram();

  /// Rows that keep a tile's buffers within the second-level cache.
  std::int64_t preferredRows() const { return preferredRows_; }

  /// False with dropout: its masks exist in the plain path only.
  bool trainable() const { return trainable_; }

  /// Operations that go through columns a number at a time, not in vectors.
  std::vector<std::string> scalarOperations() const;

  /// Weights in the order the matrix kernels want; `version` is what Energy::packed() compares to notice stale ones.
  struct Weights {
    AlignedFloats forward, backward;          // x W' and g W; of a quadratic form the symmetric part, in `forward`
    AlignedFloats forwardHalf, backwardHalf;  // the same in bfloat16, once it was asked for
    std::vector<float> columns;               // W', where the layer has too few inputs for a packed product
  };
  struct Packed {
    std::vector<std::vector<float>> plain;  // every parameter as it is
    std::vector<Weights> weights;           // of linear layers and quadratic forms, by parameter
    std::vector<std::uint64_t> versions;    // of every parameter here: what nobody trains is packed once
    std::uint64_t version = 0;
    Precision precision = Precision::Float32;  // BFloat16: both are there
  };
  void pack(const Parameters& parameters, std::uint64_t version, Precision precision, Packed& packed) const;

  /// E [rows]; outputs [rows, k] when wanted.
  void forward(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy, float* outputs) const;
  /// E and dE/dx. `energy` may be null. With BFloat16 the gradient's products are rounded; energies never are: where
  /// they are asked for, the pass forward stays in float32.
  void energyAndGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy, float* gradient,
                         Precision precision = Precision::Float32) const;
  /// forward() that keeps in `ws` what parameterGradient() needs.
  void record(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* energy, float* outputs) const;
  /// Adds sum_i (we[i] dE_i + wo[i] . doutputs_i) / dtheta to `flat`. `ws` comes from record() on the same rows.
  void parameterGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, const float* we, const float* wo,
                         float* flat) const;
  /// Writes the same sum's derivative in x, we[i] dE_i/dx + wo[i] . doutputs_i/dx, [rows, d].
  void inputGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, const float* we, const float* wo,
                     float* gradient) const;

  /// -dE/dx [rows, d], and in `ws` what scoreGradient() needs.
  void recordScore(const Packed& packed, const TileInput& in, TileWorkspace& ws, float* score) const;
  /// Adds sum_i outer_i . dscore_i / dtheta to `flat`. `ws` comes from recordScore() on the same rows.
  void scoreGradient(const Packed& packed, const TileInput& in, TileWorkspace& ws, const float* outer,
                     float* flat) const;

 private:
  TileProgram() = default;
  struct Pass;
  struct SecondPass;
  static std::unique_ptr<TileProgram> compile(const Program& program, const Parameters& parameters, std::string& reason,
                                              bool separate);
  SecondPass secondPass(const Packed& packed, const TileInput& in, TileWorkspace& ws) const;
  void packConstants();
  void runForward(Pass& pass) const;
  void runBackward(Pass& pass, Wanted wanted) const;
  void clearAdjoints(const Pass& pass) const;
  void seedAdjoints(const Pass& pass, const float* we, const float* wo) const;
  Pass layout(const Packed& packed, const TileInput& in, TileWorkspace& ws, bool derivatives) const;
  friend struct TileCompiler;
  friend struct TileCall;

  std::vector<TileNode> nodes_;
  std::int64_t preferredRows_ = 128, floatsPerRow_ = 0, adjointsPerRow_ = 0, fixedFloats_ = 0, inputWidth_ = 0;
  int energy_ = -1, joint_ = -1, outputs_ = -1;
  bool optionalCondition_ = false, trainable_ = true;
  std::vector<std::vector<float>> constants_;
  std::vector<AlignedFloats> packedConstants_;  // of those whose operation wants them so, turned
};

}  // namespace langevin
