// Shapes of rows: reading, both accepted forms, bit-equality of shaped and flat rows, the work of a row and the tiles cut
// by it.
#include <limits>

#include "base/threads.hpp"
#include "program/builder.hpp"
#include "training_support.hpp"

namespace langevin::test::shape_test {
namespace {

const List kAxes{2, 3, 4};
constexpr std::int64_t kColumns = 24;

Shape shapeOf(const Value& value) { return Shape::read(Spec(value, "spec.input")); }

at::Tensor rows(std::int64_t n, at::ScalarType type = at::kFloat) {
  return Random(5).normal(n, kColumns, 0, Stream::User, type);
}

template <class Body>
std::string refusal(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Map layer(const char* kind, Map options = {}) {
  options["kind"] = kind;
  return options;
}

// The same energy over flat and over shaped rows: same parameters from the same seed.
std::vector<std::pair<Map, Map>> twins() {
  const List hidden{9, 5};
  const List stack{layer("linear", {{"out", 7}}), layer("activation"), layer("dropout", {{"p", 0.25}}),
                   layer("linear", {{"out", 1}})};
  List flat{layer("flatten")}, shaped{layer("activation", {{"activation", "tanh"}}), layer("flatten")};
  flat.insert(flat.begin(), layer("activation", {{"activation", "tanh"}}));
  flat.insert(flat.end(), stack.begin(), stack.end());
  shaped.insert(shaped.end(), stack.begin(), stack.end());
  const std::vector<std::pair<Map, Map>> specs{
      {{{"kind", "mlp"}, {"hidden", hidden}, {"inputScale", 2.0}, {"gaussianBase", 1.5}}, {}},
      {{{"kind", "mlp"}, {"hidden", hidden}, {"gaussianBase", "full"}}, {}},
      {{{"kind", "classifier"}, {"classes", 3}, {"hidden", hidden}}, {}},
      {{{"kind", "rbm"}, {"hidden", 6}}, {}},
      {{{"kind", "twoTower"}, {"condition", 2}, {"x", Map{{"hidden", hidden}}}}, {}},
      {{{"kind", "conditional"}, {"condition", 2}, {"hidden", hidden}}, {}},
      {{{"kind", "sequential"}, {"layers", flat}}, {{"kind", "sequential"}, {"layers", shaped}}}};
  std::vector<std::pair<Map, Map>> result;
  for (const auto& [one, other] : specs) {
    Map a = one, b = other.empty() ? one : other;
    a["input"] = kColumns;
    b["input"] = kAxes;
    result.emplace_back(std::move(a), std::move(b));
  }
  return result;
}

}  // namespace

TEST(a_shape_is_a_number_or_a_list_of_axes) {
  CHECK(shapeOf(7) == Shape(7));
  CHECK(shapeOf(kAxes).axes == (std::vector<std::int64_t>{2, 3, 4}));
  CHECK(shapeOf(kAxes).numel() == kColumns);
  CHECK(shapeOf(kAxes).text("n") == "[n, 2, 3, 4]");
  CHECK(Shape().numel() == 0);
  for (const Value& bad :
       {Value(0), Value(List{}), Value(List{3, 0}), Value(List{2, 1.5}), Value(List{1e9, 1e9}), Value("3")})
    CHECK_THROWS(shapeOf(bad), Error);
}

TEST(rows_come_flat_or_in_their_shape_and_the_refusal_names_both) {
  const Shape shape = shapeOf(kAxes);
  const at::Tensor flat = rows(5);
  for (const at::Tensor& given : {flat, flat.view({5, 2, 3, 4})}) {
    const at::Tensor read = asRows(given, shape, at::kFloat, at::kCPU, "x");
    CHECK(read.sizes() == at::IntArrayRef({5, kColumns}));
    CHECK(read.equal(flat));
    CHECK(read.data_ptr() == flat.data_ptr());  // not copied
  }
  CHECK(asRows(flat.view({5, 2, 3, 4}).slice(0, 0, 0), shape, at::kFloat, at::kCPU, "x").size(0) == 0);
  for (const at::Tensor& wrong : {flat.view({5, 3, 2, 4}), flat.view({5, 6, 4}), flat.slice(1, 1), flat[0]}) {
    const std::string text = refusal([&] { asRows(wrong, shape, at::kFloat, at::kCPU, "x"); });
    CHECK(text.find("[n, 2, 3, 4]") != std::string::npos && text.find("[n, 24]") != std::string::npos);
  }
}

TEST(shaped_rows_give_the_bits_of_flat_rows) {
  for (const auto type : {at::kFloat, at::kDouble})
    for (const auto& [flatSpec, shapedSpec] : twins()) {
      const EnergyRef flat = energyFrom(flatSpec, type), shaped = energyFrom(shapedSpec, type);
      CHECK(shaped->input().axes.size() == 3 && shaped->inputWidth() == kColumns);
      CHECK(flat->parameters().flat().equal(shaped->parameters().flat()));
      const at::Tensor x = rows(40, type);
      const at::Tensor y = flat->program().condition.kind == Condition::Kind::Continuous
                               ? Random(6).normal(40, 2, 0, Stream::User, type)
                               : at::Tensor();
      const auto a = flat->energyAndGradient(flat->rows(x, y), 1);
      const auto b = shaped->energyAndGradient(shaped->rows(x.view({40, 2, 3, 4}), y), 2);
      CHECK(a.energy.equal(b.energy));
      CHECK(a.gradient.equal(b.gradient));
    }
}

TEST(training_on_shaped_rows_gives_the_bits_of_flat_rows) {
  const Map options{{"objective", Map{{"kind", "denoisingScoreMatching"}, {"sigma", 0.3}}},
                    {"optimizer", adam(1e-2, 0)},
                    {"steps", 6},
                    {"batchSize", 16}};
  const auto twin = twins().front();
  const at::Tensor x = rows(50);
  const Trained flat = train(energyFrom(twin.first, at::kFloat), x, options);
  const Trained shaped = train(energyFrom(twin.second, at::kFloat), x.view({50, 2, 3, 4}), options);
  for (const auto& [name, value] : flat.parameters) CHECK(value.equal(shaped.parameters.at(name)));
}

TEST(results_come_in_the_shape_of_the_input) {
  const EnergyRef energy = energyFrom(twins().front().second, at::kFloat);
  Job job;
  const at::Tensor x = rows(6).view({6, 2, 3, 4});
  const auto called = [&](const char* name, Map arguments) {
    arguments["energy"] = energy;
    return call(name, arguments, job);
  };
  const auto tensorAt = [](const Value& value, const char* key) {
    return unbox(*value.map()->at(key).get<TensorRef>());
  };
  const Value score = called("energy.score", {{"x", box(x)}});
  CHECK(unbox(*score.get<TensorRef>()).sizes() == x.sizes());
  const Value flatScore = called("energy.score", {{"x", box(x.flatten(1))}});
  CHECK(unbox(*flatScore.get<TensorRef>()).equal(unbox(*score.get<TensorRef>()).flatten(1)));
  const Map langevin{{"kind", "langevin"}, {"stepSize", 0.05}, {"steps", 8}};
  const Value run = called("sample", {{"sampler", langevin}, {"init", box(x)}, {"keep", "trajectory"}});
  CHECK(tensorAt(run, "samples").sizes() == x.sizes());
  const at::Tensor trajectory = tensorAt(run, "trajectory");
  CHECK(trajectory.dim() == 5 && trajectory.select(1, trajectory.size(1) - 1).equal(tensorAt(run, "samples")));
  const Value flat = called("sample", {{"sampler", langevin}, {"init", box(x.flatten(1))}, {"keep", "moments"}});
  CHECK(tensorAt(flat, "samples").equal(tensorAt(run, "samples")));
  CHECK(tensorAt(flat.map()->at("moments"), "mean").sizes() == at::IntArrayRef({2, 3, 4}));
  // A run goes on from the state as it was given.
  const Value next = called("sample", {{"sampler", langevin}, {"resume", run.map()->at("state")}});
  CHECK(tensorAt(next, "samples").sizes() == x.sizes());
}

TEST(layers_over_columns_refuse_rows_of_more_axes) {
  for (const Map& first :
       {layer("linear", {{"out", 2}}), layer("layerNorm"), layer("embedding", {{"classes", 2}, {"width", 3}})}) {
    const List layers{first, layer("linear", {{"out", 1}})};
    const Map spec{{"kind", "sequential"}, {"input", kAxes}, {"layers", layers}};
    const std::string text = refusal([&] { energyFrom(spec); });
    CHECK(text.find("energy.layers[0]") != std::string::npos && text.find("flatten") != std::string::npos);
  }
  const List body{layer("flatten")};
  const Map spec{
      {"kind", "sequential"},
      {"input", kAxes},
      {"layers", List{layer("residual", {{"layers", body}}), layer("flatten"), layer("linear", {{"out", 1}})}}};
  const std::string text = refusal([&] { energyFrom(spec); });
  CHECK(text.find("takes [2, 3, 4], gives [24]") != std::string::npos);
}

TEST(an_operation_sees_its_inputs_in_their_shapes) {
  Builder b("mlp");
  const int x = b.input(shapeOf(kAxes));
  const int turned = b.view(x, shapeOf(List{4, 6}));
  CHECK(b.node(turned) == x && b.view(x, b.shape(x)) == x);
  const int sum = b.sum(b.square(turned));
  b.setEnergy(sum);
  const Program p = b.finish();
  CHECK(p.nodes.size() == 3);  // views are no operations
  CHECK(p.nodes[1].takes[0] == shapeOf(List{4, 6}) && p.nodes[1].shape == shapeOf(List{4, 6}));
  const at::Tensor flat = rows(3);
  const std::vector<at::Tensor> values{flat}, none;
  const OpCall call{p.nodes[1], values, none, none, {flat, {}}, {}};
  CHECK(call.shaped(0).equal(flat.view({3, 4, 6})));
}

TEST(the_work_of_a_row_is_about_its_multiply_adds) {
  const auto work = [](Map spec) { return energyFrom(std::move(spec), at::kFloat)->workPerRow(); };
  const double wide = work({{"kind", "mlp"}, {"input", 3072}, {"hidden", List{1000, 1000}}});
  CHECK(wide > 4.073e6 && wide < 4.1e6);
  // A table of a thousand classes is read in one row.
  const double embedded =
      work({{"kind", "conditional"}, {"input", 2}, {"classes", 1000}, {"embedding", 8}, {"hidden", List{4}}});
  CHECK(embedded > 10 && embedded < 200);
}

TEST(tiles_are_cut_by_the_work_of_their_rows) {
  for (const std::int64_t usual : {128, 256}) {
    for (double work : {0.0, 1.0, 66817.0, 78125.0}) CHECK(smallestTile(work, usual) == usual);
    CHECK(smallestTile(std::numeric_limits<double>::quiet_NaN(), usual) == usual);
    std::int64_t before = usual;
    for (double work = 78126; work < 1e12; work *= 1.7) {
      const std::int64_t rows = smallestTile(work, usual);
      CHECK(rows <= before && rows >= 32);
      CHECK(rows == 32 || static_cast<double>(rows) * work >= 1e7);
      before = rows;
    }
    CHECK(before == 32);
  }
  // Every row is in one tile, whatever the cut.
  for (const std::int64_t n : {1, 15, 16, 64, 129, 1000, 70000})
    for (const std::int64_t smallest : {32, 38, 128, 256}) {
      const Tiling tiling(n, smallest);
      std::int64_t next = 0;
      for (std::int64_t i = 0; i < tiling.count(); ++i) {
        const TileRange r = tiling.range(i);
        CHECK(r.first == next && r.last > r.first);
        next = r.last;
      }
      CHECK(next == n && tiling.count() <= std::max<std::int64_t>(17, (n + 4095) / 4096));
    }
  CHECK(Tiling(64, smallestTile(4e6)).count() == 2);
  CHECK(Tiling(64).count() == 1);
}

}  // namespace langevin::test::shape_test
