// The fused CPU executor: an energy's program compiled to tile operations on plain arrays, of float or of double. No tape, no
// allocation per step, no dispatcher; values, input gradients and parameter gradients of one tile stay in cache. Its
// twin is evaluate() with autograd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernels/loop_steps.hpp"
#include "program/plain_program.hpp"

namespace langevin {

template <class T>
class TileProgramOf;

/// What a tile evaluates. Pointers are to contiguous rows of T; y is T [n, width] or int64 [n] labels, or null.
template <class T>
struct TileInputOf {
  const T* x = nullptr;
  const T* y = nullptr;
  const std::int64_t* labels = nullptr;
  std::int64_t rows = 0;
};

/// Numbers that begin on a cache line: a vector that lies across two lines costs twice.
template <class T>
class Aligned {
 public:
  Aligned() = default;
  explicit Aligned(std::size_t count)
      : data_(static_cast<T*>(::operator new(count * sizeof(T), kLine))), size_(count) {}
  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, kLine); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

/// Buffers of one thread (or of one tile of a training tape). Grows as needed, never shrinks; what was in it is lost
/// when it grows.
class TileWorkspace {
 public:
  template <class T>
  T* reserve(std::size_t count) {
    if (memory_.size() < count * sizeof(T)) memory_ = Aligned<std::byte>(count * sizeof(T));
    return reinterpret_cast<T*>(memory_.data());
  }

 private:
  Aligned<std::byte> memory_;
};

/// Which gradients a backward pass wants.
enum class Wanted { Input, Parameters };

/// Of the products behind a float32 gradient. Their sums, the numbers between layers and layers of few inputs
/// are float32 always; float64 programs take no notice.
enum class Precision { Float32, BFloat16 };

/// Weights in the order the matrix kernels want.
template <class T>
struct TileWeightsOf {
  Aligned<T> forward, backward;  // x W' and g W; of quadratic forms and couplings the symmetric part, in `forward`
  Aligned<std::uint32_t> forwardHalf, backwardHalf;  // the same in bfloat16, once it was asked for
  // W', where the layer has too few inputs for a packed product; the diagonals below; a symmetric matrix as it is, of
  // fewer than kNarrowRow columns
  std::vector<T> columns;
  // Of a symmetric matrix that is 0 beyond a few diagonals (a lattice, independent columns): those, instead of `forward`.
  // The numbers of the one from [0, o] or [-o, 0] on are at `columns`, row by row of the matrix, d for each.
  std::vector<std::int64_t> diagonals;
  std::vector<BandSegment> segments;  // which of them lie within the matrix, from column to column
};

/// The numbers of a parameter, `version` of them growing with every change.
template <class T>
struct ParameterValuesOf {
  const T* data = nullptr;
  std::int64_t count = 0;
  bool learnable = true;
  std::uint64_t version = 0;
};

/// The parameters of a network as its tile program wants them; `version` is what Network::packed() compares to notice
/// stale ones.
template <class T>
struct PackedOf {
  std::vector<std::vector<T>> plain;      // every parameter as it is
  std::vector<TileWeightsOf<T>> weights;  // of linear layers, quadratic forms and couplings, by parameter
  std::vector<std::uint64_t> versions;    // of every parameter here: what nobody trains is packed once
  std::uint64_t version = 0;
  Precision precision = Precision::Float32;  // BFloat16: both are there
};

/// Centres of distances, about their mean, for products.
template <class T>
struct TileCentresOf {
  std::vector<T> mean, squares;  // [columns], |m[k] - mean|^2 [count]
  Aligned<T> forward, backward;  // -2 (m - mean)' and -(m - mean)
};

template <class T>
class LoopProgramOf;
template <class T>
struct TileNodeOf;
template <class T>
struct TileCallOf;

/// Instances: float and double.
template <class T>
class TileProgramOf {
 public:
  using Packed = PackedOf<T>;
  using Input = TileInputOf<T>;

  /// Null, with the reason, when an operation has no tile form.
  static std::unique_ptr<TileProgramOf> compile(const PlainProgram& program, std::string& reason);
  /// One that also has recordScore() and scoreGradient(), and no buffers shared between operations; null where an
  /// operation has no second derivatives here, and with dropout.
  static std::unique_ptr<TileProgramOf> compileSecondOrder(const PlainProgram& program, std::string& reason);
  ~TileProgramOf();

  /// Rows that are worth a call and keep their buffers in cache.
  std::int64_t preferredRows(const Packed& packed) const;
  /// Whether energies and gradients run as loops, where energies are passes of their own beside the gradient's.
  bool loops(const Packed& packed) const;

  /// False with dropout: its masks exist in the plain path only.
  bool trainable() const { return trainable_; }

  /// Operations that go through columns a number at a time, not in vectors.
  std::vector<std::string> scalarOperations() const;

  /// `parameters`: all of the program, in its order.
  void pack(const std::vector<ParameterValuesOf<T>>& parameters, std::uint64_t version, Precision precision,
            Packed& packed) const;

  /// E [rows]; outputs [rows, k] when wanted.
  void forward(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy, T* outputs) const;
  /// E and dE/dx. `energy` may be null. With BFloat16 the gradient's products are rounded; energies never are: where
  /// they are asked for, the pass forward stays in float32.
  void energyAndGradient(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy, T* gradient,
                         Precision precision = Precision::Float32) const;
  /// forward() that keeps in `ws` what parameterGradient() needs.
  void record(const Packed& packed, const Input& in, TileWorkspace& ws, T* energy, T* outputs) const;
  /// Adds sum_i (we[i] dE_i + wo[i] . doutputs_i) / dtheta to `flat`. `ws` comes from record() on the same rows.
  void parameterGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* we, const T* wo,
                         T* flat) const;
  /// Writes the same sum's derivative in x, we[i] dE_i/dx + wo[i] . doutputs_i/dx, [rows, d].
  void inputGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* we, const T* wo,
                     T* gradient) const;

  /// -dE/dx [rows, d], and in `ws` what scoreGradient() needs.
  void recordScore(const Packed& packed, const Input& in, TileWorkspace& ws, T* score) const;
  /// Adds sum_i outer_i . dscore_i / dtheta to `flat`. `ws` comes from recordScore() on the same rows.
  void scoreGradient(const Packed& packed, const Input& in, TileWorkspace& ws, const T* outer, T* flat) const;

 private:
  TileProgramOf() = default;
  struct Pass;
  struct SecondPass;
  static std::unique_ptr<TileProgramOf> compile(const PlainProgram& program, std::string& reason, bool separate);
  SecondPass secondPass(const Packed& packed, const Input& in, TileWorkspace& ws) const;
  void packConstants();
  void runForward(Pass& pass) const;
  void runBackward(Pass& pass, Wanted wanted) const;
  void clearAdjoints(const Pass& pass) const;
  void seedAdjoints(const Pass& pass, const T* we, const T* wo) const;
  Pass layout(const Packed& packed, const Input& in, TileWorkspace& ws, bool derivatives) const;
  Pass passAt(const Packed& packed, const Input& in, T* memory, std::int64_t stride) const;
  template <class Each>
  void overRecorded(const Packed& packed, const Input& in, TileWorkspace& ws, Each each) const;
  const T* outputsFrom(const T* wo, std::int64_t first) const;
  void addSums(T* sums, T* flat) const;
  template <class>
  friend struct TileCompiler;
  friend struct TileCallOf<T>;

  std::vector<TileNodeOf<T>> nodes_;
  std::unique_ptr<LoopProgramOf<T>> loops_;  // of energies and input gradients, where no operation is a product
  std::int64_t preferredRows_ = 128, numbersPerRow_ = 0, adjointsPerRow_ = 0, fixedNumbers_ = 0, inputWidth_ = 0;
  int energy_ = -1, joint_ = -1, outputs_ = -1;
  std::int64_t learnableNumbers_ = 0;
  bool optionalCondition_ = false, trainable_ = true, images_ = false;
  std::vector<std::vector<T>> constants_;
  std::vector<Aligned<T>> packedConstants_, packedForAdjoints_;  // of those whose operation wants them so
  std::vector<TileCentresOf<T>> centres_;                        // the same; empty where distances are differences
};

using TileInput = TileInputOf<float>;
using TileProgram = TileProgramOf<float>;

}  // namespace langevin
