// What an operation of a tile program is: a forward and a backward on plain arrays, beside each other.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "executors/cpu/tile_program.hpp"
#include "program/op_traits.hpp"

namespace langevin {

template <class T>
struct SecondOpOf;

/// Layers of fewer inputs send an adjoint back by dot products instead of a packed product.
constexpr std::int64_t kThinInput = 8;

/// Numbers a row it keeps from forward for backward, besides its value: as many as the node has columns, two, or as
/// many as its first input has columns.
enum class TileKeep { Nothing, Derivative, TwoNumbers, InputWidth };

template <class T>
struct TileOpOf {
  const char* name;
  void (*forward)(TileCallOf<T>&);
  void (*backward)(TileCallOf<T>&);
  TileKeep keep = TileKeep::Nothing;
  std::optional<Unary> unary = std::nullopt;  // what it is, where a linear layer may apply it
  bool scalar = false;                        // goes through columns a number at a time, not in vectors
};

template <class T>
const TileOpOf<T>* findTileOp(const std::string& name);
template <class T>
const std::vector<TileOpOf<T>>& elementwiseTileOps();
template <class T>
const std::vector<TileOpOf<T>>& reductionTileOps();
template <class T>
const std::vector<TileOpOf<T>>& layerTileOps();
template <class T>
const std::vector<TileOpOf<T>>& convolutionTileOps();
template <class T>
const std::vector<TileOpOf<T>>& imageTileOps();
template <class T>
const std::vector<TileOpOf<T>>& quadraticTileOps();
template <class T>
const std::vector<TileOpOf<T>>& distanceTileOps();
template <class T>
const std::vector<TileOpOf<T>>& spectralTileOps();

/// Of joined operations, which no program names.
template <class T>
const TileOpOf<T>& sumOfSquares();
template <class T>
const TileOpOf<T>& sumOfProducts();

/// A parameter of a node: where it lies in Packed and in the flat gradient (-1: a buffer without gradient).
struct TileParameter {
  int index = -1;
  std::int64_t flatOffset = -1, count = 0;
};

template <class T>
struct TileNodeOf {
  const NamedTraits* definition = nullptr;
  const TileOpOf<T>* op = nullptr;
  const SecondOpOf<T>* second = nullptr;  // what it does with tangents (programs of second order)
  std::vector<int> inputs;
  std::vector<TileParameter> parameters;
  std::vector<int> constants;
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  std::int64_t width = 0;
  std::int64_t fixedCount = 0;                       // > 0: one value for all rows, of so many numbers
  std::int64_t value = -1, keep = -1, adjoint = -1;  // offsets, in numbers per row (or in the fixed region)
  bool dependsOnInput = false, dependsOnParameters = false;
  bool live = false;        // reaches the energy or the outputs
  bool inPlace = false;     // shares value and adjoint with its only input
  int activation = -1;      // linear: the activation it applies to its own result, which then has nothing left to do
  bool applied = false;     // activation: the linear layer before it applies it
  bool multiplied = false;  // activation: the linear layer behind it hands over an adjoint times the derivative
  std::vector<char> adds;   // per input: an adjoint is already there in the backward pass
  int lastReader = -1;      // the last live node that reads this one: the first to write its adjoint
  bool perRow() const { return fixedCount == 0; }
};

/// The elementwise function a node stands for.
template <class T>
ActivationOf<T> activationOf(const TileNodeOf<T>& n, Unary f) {
  return {f, n.numbers.empty() ? T(0) : static_cast<T>(n.numbers[0])};
}

template <class T>
struct TileProgramOf<T>::Pass {
  const Packed* packed = nullptr;
  Input in;
  std::int64_t stride = 0;    // rows, rounded up to whole cache lines
  T* rowsBase = nullptr;      // per-row region of values and what is kept for backward: offset * stride
  T* adjointsBase = nullptr;  // per-row region of adjoints
  T* fixedBase = nullptr;     // values shared by all rows
  bool derivatives = false;
  bool half = false;         // products in bfloat16
  const T* zeros = nullptr;  // set where the values are tangents: what does not depend on the rows has none
  Wanted wanted = Wanted::Input;
  T* gradient = nullptr;  // adjoint of the input
  T* flat = nullptr;      // parameter gradient
  T* sums = nullptr;      // of convolutions, where it is added up before it goes there; places as in `flat`
  int last = 0;           // last node that is evaluated
  int energyNode = 0;
};

/// One operation at work.
template <class T>
struct TileCallOf {
  const TileProgramOf<T>& program;
  typename TileProgramOf<T>::Pass& pass;
  const std::vector<TileNodeOf<T>>& nodes;
  int index;
  const TileKernelsOf<T>& k;

  const TileNodeOf<T>& node() const { return nodes[static_cast<std::size_t>(index)]; }
  std::int64_t rows() const { return pass.in.rows; }
  std::int64_t width() const { return node().width; }
  std::int64_t size() const { return node().perRow() ? rows() * width() : node().fixedCount; }
  const TileNodeOf<T>& input(int i) const {
    return nodes[static_cast<std::size_t>(node().inputs[static_cast<std::size_t>(i)])];
  }
  std::int64_t inWidth(int i) const { return input(i).width; }

  T* out() { return valueAt(index); }
  const T* in(int i) const;
  T* kept() { return keptOf(node()); }
  T* keptOf(const TileNodeOf<T>& n) {
    return n.perRow() ? pass.rowsBase + n.keep * pass.stride : pass.fixedBase + n.keep;
  }
  /// Adjoint of this node (read) and of an input (to be written or added to, see adds()).
  T* adjoint() { return adjointAt(index); }
  bool wants(int i) const;
  T* adjointOf(int i) { return adjointAt(node().inputs[static_cast<std::size_t>(i)]); }
  bool adds(int i) const { return node().adds[static_cast<std::size_t>(i)] != 0; }
  /// Zeroes the input's adjoint unless something is there already; then additions are right in any case.
  T* addableAdjoint(int i);

  const T* parameter(int i) const;
  const TileWeightsOf<T>& weights() const;
  /// Input i, a parameter as it is, packed.
  const TileWeightsOf<T>& weightsOf(int i) const;
  const T* constant(int i) const;
  /// Constant i as the product with the input wants it, and as the product with the adjoint does.
  const T* packedConstant(int i) const;
  const T* packedForAdjoints(int i) const;
  /// Of distances that are products; null where they are differences.
  const TileCentresOf<T>* centres() const;
  const TileParameter& parameterInfo(int i) const { return node().parameters[static_cast<std::size_t>(i)]; }
  /// Where the gradient of parameter i goes, or null when it has none.
  T* parameterGradient(int i) const;
  T* scratch(std::size_t count, int slot = 0);

  /// Input i has as many numbers as the result: it is not broadcast.
  bool sameSize(int i) const;
  /// Input i as a full [rows, width] array: itself, or a broadcast copy in scratch slot.
  const T* expanded(int i, int slot);
  /// Adds a [rows, width] contribution to input i's adjoint, summing over broadcast rows and columns.
  void contribute(int i, const T* full);

 private:
  T* valueAt(int i) const;
  T* adjointAt(int i) const;
};

/// Rows first .. first + rows - 1 of the input.
template <class T>
TileInputOf<T> blockOf(const TileInputOf<T>& in, std::int64_t first, std::int64_t rows, std::int64_t width,
                       const std::vector<TileNodeOf<T>>& nodes) {
  TileInputOf<T> part = in;
  part.rows = rows;
  part.x = in.x + first * width;
  if (in.y)
    for (const TileNodeOf<T>& n : nodes)
      if (n.definition->is(OpSource::Condition)) part.y = in.y + first * n.width;
  if (in.labels) part.labels = in.labels + first;
  return part;
}

/// A node's values of a block, copied to where row `first` of the result lies.
template <class T>
void copyOut(const T* base, std::int64_t stride, const TileNodeOf<T>& n, std::int64_t rows, T* to, std::int64_t first) {
  std::memcpy(to + first * n.width, base + n.value * stride, sizeof(T) * static_cast<std::size_t>(n.width * rows));
}

/// Of a linear layer, g [rows, out] and x [rows, in]: weight [out, in] += g' x, bias [out] += sum of g's rows. Null:
/// not wanted.
template <class T>
void addLayerGradient(TileCallOf<T>& c, const T* g, const T* x, T* weight, T* bias);

}  // namespace langevin
