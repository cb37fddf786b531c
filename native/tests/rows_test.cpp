// Rows from anywhere: a store gives the bits of rows that were converted beforehand, from memory and from a file; what
// describes all rows; augmentation by a plain implementation; training on all of them.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "noises/noise.hpp"
#include "replay/replay_buffer.hpp"
#include "rows/row_source.hpp"
#include "training_support.hpp"

namespace langevin::test::rows_test {
namespace {

const Shape kShape(std::vector<std::int64_t>{2, 3, 4});
constexpr double kScale = 1.0 / 255;

at::Tensor bytes(std::int64_t n, std::int64_t d = 24) {
  return (Random(3).uniform(n, d, 0, Stream::User, at::kFloat) * 256).to(at::kByte);
}
at::Tensor converted(const at::Tensor& x) { return x.to(at::kFloat) * kScale; }

RowSource sourceOf(const Map& spec, const Shape& shape = kShape) {
  const Value value(spec);
  return RowSource::read(Spec(value, "x"), shape, at::TensorOptions(at::kFloat));
}

// A file that is there as long as the object.
struct TemporaryFile {
  explicit TemporaryFile(const at::Tensor& content, std::int64_t offset = 0) {
    char name[] = "/tmp/langevin-rows-XXXXXX";
    const int file = ::mkstemp(name);
    CHECK(file >= 0);
    path = name;
    const at::Tensor dense = content.contiguous();
    const std::vector<char> head(static_cast<std::size_t>(offset), 'h');
    CHECK(::write(file, head.data(), head.size()) == static_cast<ssize_t>(head.size()));
    CHECK(::write(file, dense.const_data_ptr(), dense.nbytes()) == static_cast<ssize_t>(dense.nbytes()));
    ::close(file);
  }
  ~TemporaryFile() { std::remove(path.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  Map spec(const char* dtype, std::int64_t rows, std::int64_t offset = 0) const {
    return {{"path", path}, {"dtype", dtype}, {"shape", List{static_cast<double>(rows), 24}}, {"offset", offset}};
  }
  std::string path;
};

Code codeOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code;
  }
  return Code::Internal;
}

Map training() {
  return {{"objective", Map{{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "gaussian"}, {"mean", 0.5}}}}},
          {"optimizer", adam(1e-2, 0)},
          {"steps", 7},
          {"batchSize", 16},
          {"seed", 4},
          {"threads", 1}};
}

EnergyRef network() {
  return energyFrom({{"kind", "mlp"}, {"input", List{2, 3, 4}}, {"hidden", List{8}}, {"gaussianBase", 2.0}},
                    at::kFloat);
}

std::map<std::string, at::Tensor> trainedOn(const Value& x, Map options = training()) {
  const EnergyRef energy = network();
  options["energy"] = energy;
  options["x"] = x;
  Job job;
  call("train", options, job);
  return parametersOf(*energy);
}

void requireSame(const std::map<std::string, at::Tensor>& a, const std::map<std::string, at::Tensor>& b) {
  for (const auto& [name, value] : a) CHECK(value.equal(b.at(name)));
}

}  // namespace

TEST(rows_in_memory_are_the_tensor_itself) {
  const at::Tensor x = Random(1).normal(100, 5, 0, Stream::User, at::kFloat);
  const RowSource source(x);
  CHECK(source.whole("").x.data_ptr() == x.data_ptr());
  source.each([&](const Batch& rows, std::int64_t first) { CHECK(first == 0 && rows.x.data_ptr() == x.data_ptr()); });
  CHECK(source.head(7).x.data_ptr() == x.data_ptr());
  const EnergyRef energy = energyFrom({{"kind", "mlp"}, {"input", 5}, {"hidden", List{3}}}, at::kFloat);
  CHECK(energy->rows(x, {}).x.data_ptr() == x.data_ptr());
}

TEST(a_store_gives_the_bits_of_converted_rows) {
  const at::Tensor stored = bytes(60), plain = converted(stored);
  const TemporaryFile file(stored, 13);
  const RowSource reference(plain);
  const at::Tensor index = at::tensor({5, 59, 0, 5}, at::kLong);
  for (const Map& spec : {Map{{"tensor", box(stored.view({60, 2, 3, 4}))}, {"scale", kScale}},
                          Map{{"file", file.spec("|u1", 60, 13)}, {"scale", kScale}}}) {
    const RowSource source = sourceOf(spec);
    CHECK(source.size() == 60 && source.width() == 24);
    CHECK(source.x(index).equal(plain.index_select(0, index)));
    CHECK(source.head(3).x.equal(plain.slice(0, 0, 3)));
    CHECK(source.whole("").x.equal(plain));
    CHECK(source.low().equal(reference.low()) && source.high().equal(reference.high()));
    CHECK(source.mean().equal(reference.mean()) && source.deviation().equal(reference.deviation()));
    CHECK(source.spread() == reference.spread());
  }
  const RowSource shifted = sourceOf({{"tensor", box(stored)}, {"scale", 2.0}, {"shift", -1.0}});
  CHECK(shifted.whole("").x.equal(stored.to(at::kFloat) * 2.0 - 1.0));
}

TEST(every_dtype_of_a_file_is_read) {
  const at::Tensor whole = bytes(9).to(at::kInt) - 100;
  for (const auto& [name, type] : std::vector<std::pair<const char*, at::ScalarType>>{{"<f4", at::kFloat},
                                                                                      {"<f8", at::kDouble},
                                                                                      {"<f2", at::kHalf},
                                                                                      {"<i2", at::kShort},
                                                                                      {"<i4", at::kInt},
                                                                                      {"<i8", at::kLong}}) {
    const at::Tensor stored = whole.to(type);
    const TemporaryFile file(stored);
    CHECK(sourceOf({{"file", file.spec(name, 9)}}).whole("").x.equal(stored.to(at::kFloat)));
  }
}

TEST(a_file_that_ends_too_early_is_named_with_the_byte) {
  const at::Tensor stored = bytes(10);
  const TemporaryFile file(stored);
  try {
    sourceOf({{"file", file.spec("|u1", 11)}});
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.code == Code::Format && *error.details.at("offset").get<double>() == 240);
  }
  const RowSource source = sourceOf({{"file", file.spec("|u1", 10)}});
  CHECK(::truncate(file.path.c_str(), 100) == 0);
  CHECK(source.x(at::tensor({3}, at::kLong)).size(0) == 1);
  try {
    source.x(at::tensor({4}, at::kLong));
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.code == Code::Format && *error.details.at("offset").get<double>() == 100);
  }
  CHECK(codeOf([] {
          sourceOf({{"file", Map{{"path", "/no/such/file"}, {"dtype", "<f4"}, {"shape", List{1, 24}}}}});
        }) == Code::Io);
  for (const char* type : {">f4", "<U3", "f4", "<c8"})
    CHECK(codeOf([&] { sourceOf({{"file", file.spec(type, 1)}}); }) == Code::Unsupported);
  CHECK(codeOf([&] { sourceOf({{"tensor", box(stored)}}, Shape(23)); }) == Code::Shape);
  CHECK(codeOf([&] { sourceOf({{"file", file.spec("|u1", 4)}}, Shape(23)); }) == Code::Shape);
}

TEST(rows_too_many_to_be_whole_are_described_block_by_block) {
  const at::Tensor stored = bytes(190000, 100);  // 76 MB in float32
  const Map spec{{"tensor", box(stored)}, {"scale", kScale}, {"shift", 0.25}};
  const RowSource source = sourceOf(spec, Shape(100));
  const at::Tensor plain = converted(stored) + 0.25, exact = plain.to(at::kDouble);
  CHECK(codeOf([&] { source.whole("kde noise"); }) == Code::Unsupported);
  CHECK(source.low().equal(std::get<0>(plain.min(0, true))) && source.high().equal(std::get<0>(plain.max(0, true))));
  CHECK(source.mean().sub(exact.mean(0, true)).abs().max().item<double>() < 1e-6);
  CHECK(source.deviation().sub(exact.std(0, true, true)).abs().max().item<double>() < 1e-6);
  CHECK_NEAR(source.spread(), std::sqrt(exact.var(0, false).sum().item<double>()), 1e-9);
  std::int64_t next = 0;
  source.each([&](const Batch& rows, std::int64_t first) {
    CHECK(first == next && rows.x.equal(plain.slice(0, first, first + rows.size())));
    next += rows.size();
  });
  CHECK(next == 190000);
  // What needs all rows says so, with what to do.
  const Value kde(Map{{"kind", "kde"}});
  CHECK(codeOf([&] { makeNoise(Spec(kde, "noise"))->fit(source); }) == Code::Unsupported);
  const Value wide(Map{{"kind", "kde"}, {"bandwidth", 0.1}});
  makeNoise(Spec(wide, "noise"))->fit(source);
  // A float that is not finite is found wherever it lies.
  at::Tensor floats = plain.to(at::kDouble);
  floats[189999][3] = std::nan("");
  CHECK(codeOf([&] { sourceOf({{"tensor", box(floats)}}, Shape(100)).requireFinite(); }) == Code::NonFinite);
}

TEST(the_hash_of_stored_rows_is_that_of_their_bytes) {
  const at::Tensor stored = bytes(9001);
  const TemporaryFile file(stored);
  const RowSource memory = sourceOf({{"tensor", box(stored)}, {"scale", kScale}});
  CHECK(memory.hash(1) == sourceOf({{"file", file.spec("|u1", 9001)}, {"scale", kScale}}).hash(1));
  CHECK(memory.hash(1) != sourceOf({{"tensor", box(stored)}}).hash(1));
  CHECK(memory.hash(1) !=
        sourceOf({{"tensor", box(stored)}, {"scale", kScale}, {"augment", Map{{"noise", 0.1}}}}).hash(1));
  const at::Tensor x = converted(stored);
  CHECK(RowSource(x).hash(1) == hashBytes(x, 1));
  CHECK(hashBytes(x.slice(0, 4096), hashBytes(x.slice(0, 0, 4096), 1)) == hashBytes(x, 1));
}

TEST(augmentation_is_the_plain_one_from_the_same_numbers) {
  const at::Tensor x = converted(bytes(12));
  const Map augment{{"flip", true}, {"noise", 0.05}};
  const RowSource source = sourceOf({{"tensor", box(x)}, {"augment", augment}});
  const Random random(9);
  at::Tensor u = random.uniform(12, 1, 3, Stream::Augment, at::kFloat);
  const at::Tensor xi = random.normal(12, 24, 3, Stream::AugmentNoise, at::kFloat);
  at::Tensor wanted = x.clone();
  std::int64_t turned = 0;
  for (std::int64_t n = 0; n < 12; ++n) {
    const bool mirror = u[n][0].item<float>() < 0.5f;
    turned += mirror ? 1 : 0;
    for (std::int64_t line = 0; line < 6 && mirror; ++line)
      for (std::int64_t k = 0; k < 4; ++k) wanted[n][line * 4 + k] = x[n][line * 4 + 3 - k];
  }
  CHECK(turned > 0 && turned < 12);
  wanted = wanted + 0.05 * xi;
  CHECK(source.augmented(x, 3, random).equal(wanted));
  CHECK(!source.augmented(x, 4, random).equal(wanted));
  CHECK(codeOf([&] {
          sourceOf({{"tensor", box(x)}, {"augment", Map{{"flip", true}}}}, Shape(24));
        }) == Code::InvalidOption);
}

TEST(training_on_stored_rows_gives_the_bits_of_converted_rows) {
  const at::Tensor stored = bytes(50);
  const TemporaryFile file(stored);
  const Map sampler{{"kind", "langevin"}, {"stepSize", 0.01}, {"steps", 3}};
  Map buffered = training();
  const Map shares{{"uniform", 0.3}, {"normal", 0.3}, {"data", 0.4}};
  buffered["objective"] = Map{{"kind", "persistentContrastiveDivergence"},
                              {"sampler", sampler},
                              {"buffer", Map{{"size", 40}, {"reinit", 0.3}, {"reinitFrom", shares}, {"blur", 0.1}}}};
  Map fitted = training();
  fitted["objective"] = Map{{"kind", "noiseContrastive"}, {"noise", Map{{"kind", "kde"}}}};
  for (const Map& options : {training(), buffered, fitted}) {
    const auto plain = trainedOn(box(converted(stored)), options);
    requireSame(plain, trainedOn(Map{{"tensor", box(stored)}, {"scale", kScale}}, options));
    requireSame(plain, trainedOn(Map{{"file", file.spec("|u1", 50)}, {"scale", kScale}}, options));
  }
}

TEST(an_augmented_run_resumes_exactly) {
  const at::Tensor stored = bytes(50);
  const Value x(Map{{"tensor", box(stored)}, {"scale", kScale}, {"augment", Map{{"flip", true}, {"noise", 0.05}}}});
  const auto whole = trainedOn(x);
  bool differs = false;
  for (const auto& [name, value] : trainedOn(Map{{"tensor", box(stored)}, {"scale", kScale}}))
    differs = differs || !value.equal(whole.at(name));
  CHECK(differs);
  Map options = training();
  options["steps"] = 3;
  options["optimizer"] = Map{{"kind", "adam"}, {"lr", 0.01}};
  Map longer = options;
  longer["steps"] = 7;
  const auto uninterrupted = trainedOn(x, longer);
  const EnergyRef energy = network();
  Map first = options;
  first["energy"] = energy;
  first["x"] = x;
  first["checkpoints"] = true;
  RecordingJob job;
  call("train", first, job);
  const Map checkpoint = job.checkpoints().back();
  longer["resume"] = Map{{"tensors", checkpoint.at("tensors")}, {"data", checkpoint.at("data")}};
  requireSame(uninterrupted, trainedOn(x, longer));
  // Other rows, and the same rows without augmentation, are refused.
  CHECK(codeOf([&] { trainedOn(Map{{"tensor", box(stored)}, {"scale", kScale}}, longer); }) == Code::InvalidOption);
}

}  // namespace langevin::test::rows_test
