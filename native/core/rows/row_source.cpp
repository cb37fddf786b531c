#include "rows/row_source.hpp"

#include <algorithm>
#include <cmath>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

constexpr double kWholeBytes = 64.0 * 1024 * 1024;
constexpr std::int64_t kBlockNumbers = std::int64_t{1} << 20;

double bytesOf(const RowStore& store) {
  const double size = static_cast<double>(c10::elementSize(c10::typeMetaToScalarType(store.options().dtype())));
  return static_cast<double>(store.size()) * static_cast<double>(store.shape().numel()) * size;
}

// How a block of rows is called in an error that counts rows within it.
std::string placeOf(std::int64_t first) {
  return first == 0 ? "x" : "x, counted from row " + std::to_string(first) + " on,";
}

Augmentation augmentationOf(const Spec& spec, const Shape& shape) {
  Augmentation a;
  const auto augment = spec.find("augment");
  if (!augment) return a;
  a.flip = augment->boolean("flip", false);
  a.noise = augment->nonNegative("noise", 0);
  if (a.flip && shape.flat())
    augment->at("flip").invalid("mirrors rows along their last axis; the energy's rows have one axis, of " +
                                std::to_string(shape.numel()) + " columns: give it input: [channels, height, width]");
  return a;
}

}  // namespace

RowSource::RowSource(Batch rows) : rows_(std::move(rows)), y_(rows_.y), described_(std::make_shared<Described>()) {}

RowSource::RowSource(std::shared_ptr<const RowStore> store, Augmentation augmentation)
    : store_(std::move(store)), augmentation_(augmentation), described_(std::make_shared<Described>()) {}

RowSource RowSource::read(const Spec& spec, const Shape& shape, at::TensorOptions options) {
  const double scale = spec.number("scale", 1), shift = spec.number("shift", 0);
  const Augmentation augmentation = augmentationOf(spec, shape);
  if (const auto file = spec.find("file")) {
    const std::vector<std::int64_t> sizes = file->at("shape").integers();
    const Shape row(std::vector<std::int64_t>(sizes.begin() + (sizes.empty() ? 0 : 1), sizes.end()));
    if (sizes.size() < 2 || (row != shape && row != Shape(shape.numel())))
      fail(Code::Shape, "x must have shape ", shape.text("n"), shape.flat() ? "" : " or ",
           shape.flat() ? "" : Shape(shape.numel()).text("n"), ", the file ", file->text("path"), " holds ",
           c10::str(at::IntArrayRef(sizes)));
    return {storeOf(file->text("path"), file->text("dtype"), sizes[0], file->count("offset", 0, 0), shape, options,
                    scale, shift),
            augmentation};
  }
  const at::Tensor& given = unbox(spec.at("tensor"));
  return {storeOf(given, shape, options, scale, shift), augmentation};
}

RowSource RowSource::with(at::Tensor y) const {
  RowSource source = *this;
  source.y_ = source.rows_.y = std::move(y);
  return source;
}

std::int64_t RowSource::size() const { return store_ ? store_->size() : rows_.size(); }
std::int64_t RowSource::width() const { return store_ ? store_->shape().numel() : rows_.x.size(1); }
at::TensorOptions RowSource::options() const { return store_ ? store_->options() : rows_.x.options(); }

at::Tensor RowSource::x(const at::Tensor& index) const {
  return store_ ? store_->select(index.to(at::kCPU)) : rowsAt(rows_.x, index);
}

at::Tensor RowSource::y(const at::Tensor& index) const { return y_.defined() ? rowsAt(y_, index) : y_; }

Batch RowSource::head(std::int64_t count) const {
  if (!store_) return rows_.slice(0, count);
  return {store_->slice(0, count), y_.defined() ? y_.slice(0, 0, count) : y_};
}

at::Tensor RowSource::augmented(const at::Tensor& x, std::uint64_t step, const Random& random) const {
  at::Tensor rows = x;
  if (augmentation_.flip) {
    const at::Tensor mirrored = store_->shape().view(x).flip({-1}).reshape(x.sizes());
    rows = at::where(random.uniform(x.size(0), 1, step, Stream::Augment, x.options()) < 0.5, mirrored, rows);
  }
  if (augmentation_.noise > 0)
    rows = rows + augmentation_.noise * random.normal(x.size(0), x.size(1), step, Stream::AugmentNoise, x.options());
  return rows;
}

void RowSource::requireFinite() const {
  if (store_ && !at::isFloatingType(store_->dtype())) return;
  each([](const Batch& rows, std::int64_t first) { langevin::requireFinite(rows.x, placeOf(first)); });
}

void RowSource::each(const std::function<void(const Batch&, std::int64_t)>& body) const {
  if (!store_) return body(rows_, 0);
  const std::int64_t step = std::max<std::int64_t>(1, kBlockNumbers / std::max<std::int64_t>(1, width()));
  for (std::int64_t first = 0; first < size(); first += step) {
    const std::int64_t last = std::min(size(), first + step);
    body({store_->slice(first, last), y_.defined() ? y_.slice(0, first, last) : y_}, first);
  }
}

Batch RowSource::whole(const std::string& what) const {
  if (!store_) return rows_;
  if (const double bytes = bytesOf(*store_); bytes > kWholeBytes)
    fail(Code::Unsupported, what, " looks at all rows at once, and ", size(), " rows of ", width(), " numbers are ",
         std::llround(bytes / 1e6), " MB in the model's dtype; give fewer rows, or rows in memory in that dtype");
  return {store_->slice(0, size()), y_};
}

bool RowSource::byBlocks() const { return store_ && bytesOf(*store_) > kWholeBytes; }

const RowSource::Described& RowSource::described() const {
  Described& d = *described_;
  if (d.low) return d;
  const at::NoGradGuard guard;
  if (!byBlocks()) {
    const at::Tensor x = whole("").x;
    d.low = std::get<0>(x.min(0, true));
    d.high = std::get<0>(x.max(0, true));
    return d;
  }
  double seen = 0;
  each([&](const Batch& block, std::int64_t) {
    const at::Tensor low = std::get<0>(block.x.min(0, true)), high = std::get<0>(block.x.max(0, true));
    d.low = d.low ? at::minimum(*d.low, low) : low;
    d.high = d.high ? at::maximum(*d.high, high) : high;
    const at::Tensor x = block.x.to(at::kDouble), mean = x.mean(0, true), squares = (x - mean).square_().sum(0, true);
    const auto n = static_cast<double>(x.size(0));
    if (seen == 0) {
      d.mean = mean;
      d.squares = squares;
    } else {  // Chan, Golub and LeVeque 1983
      const at::Tensor shift = mean - d.mean;
      d.squares = d.squares + squares + shift.square() * (seen * n / (seen + n));
      d.mean = d.mean + shift * (n / (seen + n));
    }
    seen += n;
  });
  return d;
}

at::Tensor RowSource::mean() const {
  if (!byBlocks()) return whole("").x.mean(0, true);
  return described().mean.to(options().dtype());
}

at::Tensor RowSource::deviation() const {
  if (size() < 2) return at::ones({1, width()}, options());
  if (!byBlocks()) return whole("").x.std(0, true, true);
  return (described().squares / static_cast<double>(size() - 1)).sqrt().to(options().dtype());
}

double RowSource::spread() const {
  const double variance = byBlocks()
                              ? described().squares.sum().item<double>() / static_cast<double>(size())
                              : std::get<0>(at::var_mean(whole("").x, 0, /*unbiased=*/false)).sum().item<double>();
  return std::sqrt(std::max(variance, 1e-30));
}

void requireStates(const Domain& domain, const RowSource& data) {
  if (domain.real()) return;
  data.each([&](const Batch& rows, std::int64_t first) { domain.require(rows.x, placeOf(first)); });
}

std::uint64_t RowSource::hash(std::uint64_t hash) const {
  if (!store_) return hashBytes(rows_.x, hash);
  const double noise = augmentation_.noise, flip = augmentation_.flip ? 1 : 0;
  return hashBytes(at::tensor({flip, noise}, at::kDouble), store_->hash(hash));
}

}  // namespace langevin
