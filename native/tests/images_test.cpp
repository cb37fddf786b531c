// Convolutions and other layers of images: the fused kernels against ATen's own in double precision, pools and windows against
// loops written out, threads, and what is refused.
#include "networks/registry.hpp"
#include "tile_compare.hpp"

namespace langevin::test::images_test {
namespace {

Map layer(const char* kind, Map more = {}) {
  more["kind"] = kind;
  return more;
}

Map conv(std::int64_t channels, Value kernel, Value stride = 1, Value padding = 0, bool bias = true) {
  return layer("conv2d", {{"channels", channels},
                          {"kernel", std::move(kernel)},
                          {"stride", std::move(stride)},
                          {"padding", std::move(padding)},
                          {"bias", bias}});
}

Map silu() { return layer("activation"); }

/// The layers, made one number.
Program energyOf(List input, List layers) {
  layers.push_back(layer("flatten"));
  layers.push_back(layer("linear", {{"out", 1}}));
  const Value spec{Map{{"kind", "sequential"}, {"input", std::move(input)}, {"layers", std::move(layers)}}};
  return lower(Spec(spec, "energy"));
}

std::string refusalOf(List input, List layers) {
  try {
    energyOf(std::move(input), std::move(layers));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A network's outputs of rows given flat.
at::Tensor outputs(List input, List layers, const at::Tensor& x) {
  const Value spec{Map{{"kind", "sequential"}, {"input", std::move(input)}, {"layers", std::move(layers)}}};
  const NetworkRef network = makeNetwork(Spec(spec, "network"), x.scalar_type(), at::kCPU, 1);
  return network->outputsOf(network->rows(x, {}), 1);
}

}  // namespace

TEST(convolutions_of_kernels_strides_paddings_and_channels) {
  struct Case {
    List input;
    Map layer;
  };
  const std::vector<Case> cases = {
      {List{1, 6, 7}, conv(5, 3, 1, 1)},
      {List{1, 8, 8}, conv(16, 5, 2, 4)},
      {List{3, 6, 5}, conv(8, List{2, 3}, List{2, 1}, List{0, 1}, false)},
      {List{8, 5, 5}, conv(9, 3, 2, 1)},
      {List{9, 4, 7}, conv(1, 3, 3, 2)},
      {List{17, 4, 4}, conv(40, 1)},
      {List{12, 5, 6}, conv(33, 1, 2)},      // pixels that no window sees
      {List{10, 7, 7}, conv(7, 2, 3)},       // and lines of them
      {List{16, 1, 1}, conv(20, 3, 1, 1)},   // one pixel
      {List{11, 3, 3}, conv(6, 3)},          // one window
      {List{32, 14, 14}, conv(64, 3, 2, 1)}  // more windows than a chunk has
  };
  std::uint64_t seed = 1;
  for (const Case& one : cases)
    for (const std::int64_t n : {1, 5, 40}) compare(energyOf(one.input, List{one.layer, silu()}), n, seed++);
}

TEST(convolutions_behind_each_other_with_every_activation) {
  std::uint64_t seed = 50;
  for (const char* name : {"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"}) {
    const Map f = layer("activation", {{"activation", name}});
    compare(energyOf(List{2, 9, 8}, List{conv(12, 3, 1, 1), f, conv(20, 3, 2, 1), f, conv(9, 2, 2), f}), 23, seed++);
  }
  // Without anything in between, and read twice.
  const List body{conv(10, 3, 1, 1), silu(), conv(10, 3, 1, 1)};
  compare(energyOf(List{3, 5, 4}, List{conv(10, 3, 1, 1), layer("residual", {{"layers", body}}), silu(),
                                       layer("residual", {{"layers", body}})}),
          11, seed++);
  compare(energyOf(List{3, 5, 4}, List{layer("residual", {{"layers", List{conv(3, 3, 1, 1)}}})}), 11, seed++);
}

TEST(transposed_convolutions) {
  const auto transposed = [](std::int64_t channels, Value kernel, Value stride, Value padding, Value more) {
    return layer("convTranspose2d", {{"channels", channels},
                                     {"kernel", std::move(kernel)},
                                     {"stride", std::move(stride)},
                                     {"padding", std::move(padding)},
                                     {"outputPadding", std::move(more)}});
  };
  std::uint64_t seed = 120;
  for (const std::int64_t channels : {2, 9, 33})
    for (const Map& one : {transposed(channels, 3, 1, 1, 0), transposed(channels, 2, 2, 0, 1),
                           transposed(channels, List{4, 3}, List{2, 3}, List{1, 0}, List{0, 2})}) {
      compare(energyOf(List{3, 4, 5}, List{one, silu()}), 7, seed++);
      compare(energyOf(List{2, 4, 5}, List{conv(11, 3), silu(), one, silu(), conv(4, 2), silu()}), 7, seed++);
    }
}

TEST(pools_and_repetitions) {
  std::uint64_t seed = 80;
  for (const char* reduce : {"average", "max", "sum"})
    for (const Value& kernel : {Value(2), Value(List{3, 1}), Value("global")}) {
      const Map pool = layer("pool", {{"kernel", kernel}, {"reduce", reduce}});
      compare(energyOf(List{4, 7, 6}, List{conv(9, 3, 1, 1), silu(), pool, silu()}), 9, seed++);
      compare(energyOf(List{4, 7, 6}, List{pool, silu()}), 9, seed++);
    }
  const Map overlapping = layer("pool", {{"kernel", 3}, {"stride", 1}, {"reduce", "max"}});
  compare(energyOf(List{2, 6, 6}, List{overlapping, silu()}), 9, seed++);
  compare(energyOf(List{2, 3, 4}, List{layer("upsample", {{"factor", List{3, 2}}}), conv(5, 3), silu()}), 9, seed++);
}

TEST(outputs_are_channels_first) {
  const at::Tensor x = at::arange(24, at::kDouble).view({1, 24}) - 10.0;
  const at::Tensor image = x.view({2, 3, 4});
  const at::Tensor up = outputs(List{2, 3, 4}, List{layer("upsample", {{"factor", List{1, 2}}})}, x).view({2, 3, 8});
  const at::Tensor sums =
      outputs(List{2, 3, 4}, List{layer("pool", {{"kernel", List{3, 2}}, {"reduce", "sum"}})}, x).view({2, 1, 2});
  const at::Tensor most =
      outputs(List{2, 3, 4}, List{layer("pool", {{"kernel", 2}, {"stride", 1}, {"reduce", "max"}})}, x).view({2, 2, 3});
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t j = 0; j < 2; ++j) {
      double sum = 0;
      for (std::int64_t y = 0; y < 3; ++y)
        for (std::int64_t k = 0; k < 2; ++k) sum += image[c][y][2 * j + k].item<double>();
      CHECK(sums[c][0][j].item<double>() == sum);
      for (std::int64_t y = 0; y < 3; ++y)
        for (std::int64_t k = 0; k < 4; ++k) CHECK(up[c][y][2 * k + j].item<double>() == image[c][y][k].item<double>());
      for (std::int64_t k = 0; k < 3; ++k) CHECK(most[c][j][k].item<double>() == image[c][j + 1][k + 1].item<double>());
    }
}

TEST(images_give_the_same_bits_on_any_number_of_threads) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    Energy energy(energyOf(List{1, 12, 12}, List{conv(16, 3, 1, 1), silu(), conv(24, 3, 2, 1), silu()}), type, at::kCPU,
                  4);
    const Batch rows = randomRows(energy.program(), 300, 9, false, type);
    const EnergyAndGradient one = energy.energyAndGradient(rows, 1);
    for (const int threads : {2, 3}) {
      const EnergyAndGradient more = energy.energyAndGradient(rows, threads);
      CHECK(more.energy.equal(one.energy) && more.gradient.equal(one.gradient));
    }
    // Nor does it matter which rows are beside one.
    const Batch part = rows.slice(37, 38);
    CHECK(energy.energyAndGradient(part, 1).gradient.equal(one.gradient.slice(0, 37, 38)));
  }
}

// Products of numbers with 8 bits: some thousandths of the largest, far more than what float32 rounds.
TEST(gradients_of_images_in_bfloat16_are_near) {
  for (const Value& stride : {Value(1), Value(2)}) {
    Energy energy(energyOf(List{2, 9, 8}, List{conv(16, 3, stride, 1), silu(), conv(33, 3, stride, 1), silu()}),
                  at::kFloat, at::kCPU, 4);
    const Batch rows = randomRows(energy.program(), 21, 9, false);
    const at::Tensor want = test::exact(energy, rows).gradient;
    at::Tensor gradient = at::empty_like(rows.x);
    TileWorkspace ws;
    energy.tiles<float>()->energyAndGradient(*energy.packed<float>(Precision::BFloat16), Energy::tileInput<float>(rows),
                                             ws, nullptr, gradient.data_ptr<float>(), Precision::BFloat16);
    CHECK(apart(gradient, want) < 2e-2);
    CHECK(apart(gradient, want) > 1e-4);  // a test of the test: it has been rounded
  }
}

TEST(the_work_of_an_image_is_about_its_multiply_adds) {
  const Program p =
      energyOf(List{1, 28, 28}, List{conv(32, 3, 1, 1), silu(), conv(64, 3, 2, 1), silu(), conv(128, 3, 2, 1)});
  const double layers = 784 * 9 * 32 + 196 * 288 * 64 + 49 * 576 * 128 + 49 * 128;
  CHECK(p.workPerRow > layers && p.workPerRow < 1.02 * layers);
}

TEST(layers_of_images_refuse_what_they_do_not_fit) {
  const auto says = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  for (const Map& first : {conv(2, 3), layer("pool", {{"kernel", 2}}), layer("upsample")}) {
    const std::string flat = refusalOf(List{12}, List{first});
    CHECK(says(flat, "energy.layers[0]") && says(flat, "[channels, height, width]") && says(flat, "[12]"));
  }
  const std::string large = refusalOf(List{1, 4, 4}, List{conv(2, 3), conv(2, 3)});
  CHECK(says(large, "energy.layers[1]") && says(large, "3 x 3") && says(large, "2 x 2"));
  CHECK(says(refusalOf(List{1, 4, 4}, List{conv(2, List{1, 2, 3})}), "energy.layers[0].kernel"));
  CHECK(says(refusalOf(List{1, 4, 4}, List{conv(2, 3, 0)}), "energy.layers[0].stride"));
  CHECK(says(refusalOf(List{1, 4, 4}, List{layer("pool", {{"kernel", "whole"}})}), "'global'"));
  CHECK(says(refusalOf(List{2, 4, 4}, List{layer("residual", {{"layers", List{conv(2, 3)}}})}),
             "takes [2, 4, 4], gives [2, 2, 2]"));
  const Value unflattened{Map{{"kind", "sequential"}, {"input", List{1, 4, 4}}, {"layers", List{conv(1, 4)}}}};
  std::string text;
  try {
    lower(Spec(unflattened, "energy"));
  } catch (const Error& error) {
    text = error.what();
  }
  CHECK(says(text, "[1, 1, 1]"));
}

}  // namespace langevin::test::images_test
