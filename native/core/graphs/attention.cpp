#include "graphs/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/threads.hpp"
#include "graphs/backward.hpp"

namespace langevin {
namespace {

// Places of attention in Salt::Layer, behind those of the layers' own dropout.
constexpr std::uint64_t kAttentionPlaces = 128;

// About this many numbers of edges and heads are one piece of work.
Tiling nodeTiles(const Csr& m) {
  const std::int64_t each = std::max<std::int64_t>(1, m.stored() / std::max<std::int64_t>(1, m.rows));
  return Tiling(m.rows, std::max<std::int64_t>(16, 2048 / each));
}

template <class T>
class Attention {
 public:
  Attention(std::shared_ptr<const AttentionPattern> pattern, const AttentionInput& input, const NodePass& pass)
      : pattern_(std::move(pattern)),
        values_(input.values.detach().contiguous()),
        source_(input.source.detach().contiguous()),
        target_(input.target.detach().contiguous()),
        sources_(read(source_)),
        targets_(read(target_)),
        slope_(static_cast<T>(input.slope)),
        heads_(source_.size(1)),
        width_(values_.size(1) / heads_),
        threads_(pass.threads),
        weights_(at::empty({pattern_->matrix.stored(), heads_}, values_.options())) {
    if (!pass.dropout || pass.dropout->p <= 0) return;
    kept_ = at::empty_like(weights_);
    fillKept(*pass.dropout, input.layer);
  }

  at::Tensor forward() {
    const Csr& m = pattern_->matrix;
    at::Tensor out = at::zeros({m.rows, heads_ * width_}, values_.options());
    const std::int64_t* pointer = m.pointer.template const_data_ptr<std::int64_t>();
    const std::int64_t* columns = m.columns.template const_data_ptr<std::int64_t>();
    const T *x = read(values_), *kept = kept_.defined() ? read(kept_) : nullptr;
    T *y = write(out), *a = write(weights_);
    const Tiling tiles = nodeTiles(m);
    parallelTiles(tiles.count(), threads_, [&](std::int64_t tile) {
      const auto [first, last] = tiles.range(tile);
      for (std::int64_t i = first; i < last; ++i) {
        softmaxOf(i, pointer[i], pointer[i + 1], columns, a);
        for (std::int64_t k = pointer[i]; k < pointer[i + 1]; ++k)
          for (std::int64_t h = 0; h < heads_; ++h) {
            const T weight = a[k * heads_ + h] * (kept ? kept[k * heads_ + h] : T{1});
            addScaled(weight, x + (columns[k] * heads_ + h) * width_, y + (i * heads_ + h) * width_);
          }
      }
    });
    return out;
  }

  std::vector<at::Tensor> backward(const at::Tensor& gradient) const {
    const at::Tensor g = gradient.contiguous();
    at::Tensor score = at::empty_like(weights_);  // dL / d(source_j + target_i)
    at::Tensor target = at::zeros_like(target_), source = at::zeros_like(source_), values = at::zeros_like(values_);
    scoreGradients(g, score, target);
    sourceGradients(g, score, source, values);
    return {values, source, target};
  }

 private:
  static const T* read(const at::Tensor& t) { return t.template const_data_ptr<T>(); }
  static T* write(at::Tensor& t) { return t.template mutable_data_ptr<T>(); }

  // A few numbers: a call of the kernels would take longer.
  void addScaled(T s, const T* __restrict x, T* __restrict y) const {
    for (std::int64_t c = 0; c < width_; ++c) y[c] += s * x[c];
  }

  void fillKept(const NodeDropout& drop, std::uint64_t layer) {
    const Random random = drop.random.fork(Salt::Layer, kAttentionPlaces + layer);
    const at::Tensor u = random.uniform(weights_.size(0), heads_, drop.step, Stream::Dropout, at::kFloat);
    kept_.copy_(u.ge(drop.p).to(kept_.scalar_type()) / (1 - drop.p));
  }

  T logit(std::int64_t i, std::int64_t j, std::int64_t h) const {
    const T s = sources_[j * heads_ + h] + targets_[i * heads_ + h];
    return s > 0 ? s : slope_ * s;
  }

  void softmaxOf(std::int64_t i, std::int64_t from, std::int64_t to, const std::int64_t* columns, T* a) const {
    for (std::int64_t h = 0; h < heads_; ++h) {
      T most = -std::numeric_limits<T>::infinity(), sum = 0;
      for (std::int64_t k = from; k < to; ++k) most = std::max(most, a[k * heads_ + h] = logit(i, columns[k], h));
      for (std::int64_t k = from; k < to; ++k) sum += a[k * heads_ + h] = std::exp(a[k * heads_ + h] - most);
      for (std::int64_t k = from; k < to; ++k) a[k * heads_ + h] /= sum;
    }
  }

  // Row by row of targets: through the weighted sum, the dropout, the softmax and the leaky ReLU.
  void scoreGradients(const at::Tensor& g, at::Tensor& score, at::Tensor& target) const {
    const Csr& m = pattern_->matrix;
    const std::int64_t* pointer = m.pointer.template const_data_ptr<std::int64_t>();
    const std::int64_t* columns = m.columns.template const_data_ptr<std::int64_t>();
    const T *x = read(values_), *a = read(weights_), *gy = read(g), *kept = kept_.defined() ? read(kept_) : nullptr;
    T *ds = write(score), *dt = write(target);
    const Tiling tiles = nodeTiles(m);
    parallelTiles(tiles.count(), threads_, [&](std::int64_t tile) {
      const auto [first, last] = tiles.range(tile);
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t h = 0; h < heads_; ++h) {
          T mean = 0;
          for (std::int64_t k = pointer[i]; k < pointer[i + 1]; ++k) {
            T slope = 0;
            const T *xj = x + (columns[k] * heads_ + h) * width_, *gi = gy + (i * heads_ + h) * width_;
            for (std::int64_t c = 0; c < width_; ++c) slope += gi[c] * xj[c];
            if (kept) slope *= kept[k * heads_ + h];
            ds[k * heads_ + h] = slope;
            mean += slope * a[k * heads_ + h];
          }
          for (std::int64_t k = pointer[i]; k < pointer[i + 1]; ++k) {
            const std::int64_t at = k * heads_ + h;
            // The leaky ReLU keeps the sign, so the sum's tells its slope.
            const T bend = logit(i, columns[k], h) > 0 ? T{1} : slope_;
            ds[at] = a[at] * (ds[at] - mean) * bend;
            dt[i * heads_ + h] += ds[at];
          }
        }
    });
  }

  // Row by row of sources, over the transpose.
  void sourceGradients(const at::Tensor& g, const at::Tensor& score, at::Tensor& source, at::Tensor& values) const {
    const Csr& m = pattern_->turned.matrix;
    const std::int64_t* pointer = m.pointer.template const_data_ptr<std::int64_t>();
    const std::int64_t* columns = m.columns.template const_data_ptr<std::int64_t>();
    const std::int64_t* origin = pattern_->turned.origin.template const_data_ptr<std::int64_t>();
    const T *a = read(weights_), *gy = read(g), *ds = read(score), *kept = kept_.defined() ? read(kept_) : nullptr;
    T *dj = write(source), *dx = write(values);
    const Tiling tiles = nodeTiles(m);
    parallelTiles(tiles.count(), threads_, [&](std::int64_t tile) {
      const auto [first, last] = tiles.range(tile);
      for (std::int64_t j = first; j < last; ++j)
        for (std::int64_t k = pointer[j]; k < pointer[j + 1]; ++k)
          for (std::int64_t h = 0; h < heads_; ++h) {
            const std::int64_t at = origin[k] * heads_ + h;
            dj[j * heads_ + h] += ds[at];
            addScaled(a[at] * (kept ? kept[at] : T{1}), gy + (columns[k] * heads_ + h) * width_,
                      dx + (j * heads_ + h) * width_);
          }
    });
  }

  std::shared_ptr<const AttentionPattern> pattern_;
  at::Tensor values_, source_, target_;
  const T *sources_, *targets_;  // their numbers
  T slope_;
  std::int64_t heads_, width_;
  int threads_;
  at::Tensor weights_;  // a [edges, heads], before dropout
  at::Tensor kept_;     // 0 or 1 / (1 - p); undefined: nothing is dropped
};

template <class T>
at::Tensor attendedAs(const NodePass& pass, const std::shared_ptr<const AttentionPattern>& pattern,
                      const AttentionInput& input) {
  const auto attention = std::make_shared<Attention<T>>(pattern, input, pass);
  at::Tensor out = attention->forward();
  return withBackward(out, {input.values, input.source, input.target},
                      [attention](const at::Tensor& g) { return attention->backward(g); });
}

}  // namespace

at::Tensor attended(const NodePass& pass, const std::shared_ptr<const AttentionPattern>& pattern,
                    const AttentionInput& input) {
  return input.values.scalar_type() == at::kFloat ? attendedAs<float>(pass, pattern, input)
                                                  : attendedAs<double>(pass, pattern, input);
}

}  // namespace langevin
