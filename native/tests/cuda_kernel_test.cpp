// The CUDA kernel without a GPU: its random numbers, its instruction lists, and its source run on the CPU with threads
// for lanes, against double precision and against the plain sampling loop.
#include <bit>

#include "check.hpp"
#include "executors/cuda/program.hpp"
#include "host_block.hpp"
#include "program_cases.hpp"
#include "samplers/sampler.hpp"
#include "tensors/random.hpp"

namespace langevin::cuda_kernel_test {

using namespace langevin::test;

namespace {

constexpr std::int64_t kPlenty = 227 * 1024;

struct Device {  // the launch and what it points to
  cuda::Launch launch;
  at::Tensor arena, x, energy, gradient, y, counts, schedule;
  unsigned long long lost = cuda::kNothingLost;
};

std::vector<at::Tensor> floats(const std::vector<at::Tensor>& from) {
  std::vector<at::Tensor> to;
  for (const at::Tensor& t : from) to.push_back(t.to(at::kFloat));
  return to;
}

std::unique_ptr<Device> prepare(const Energy& energy, const Batch& rows, bool resident, int lanes,
                                const cuda::CudaProgram& program) {
  auto d = std::make_unique<Device>();
  const bool conditioned = rows.y.defined();
  const std::int64_t n = rows.size();
  program.fill(conditioned, program.shapeOf(conditioned, 8, lanes, resident), d->launch);
  d->arena = program.arena(conditioned, energy.program(), energy.parameters().tensors(),
                           floats(energy.program().constants), at::kCPU);
  d->x = rows.x.clone();
  d->energy = at::empty({n});
  d->gradient = at::empty({n, rows.x.size(1)});
  d->counts = at::zeros({(n + 7) / 8, cuda::kCounts}, at::kDouble);
  d->y = rows.y;
  cuda::Launch& l = d->launch;
  l.arena = d->arena.data_ptr<float>();
  l.x = d->x.data_ptr<float>();
  l.energy = d->energy.data_ptr<float>();
  l.gradient = d->gradient.data_ptr<float>();
  l.counts = d->counts.data_ptr<double>();
  l.lost = &d->lost;
  if (conditioned && rows.y.scalar_type() == at::kLong) l.labels = d->y.data_ptr<std::int64_t>();
  if (conditioned && rows.y.scalar_type() == at::kFloat) l.y = d->y.data_ptr<float>();
  l.rows = n;
  l.fresh = true;
  return d;
}

void compare(const Energy& energy, std::int64_t n, std::uint64_t seed, bool conditioned) {
  std::string reason;
  const auto program = cuda::CudaProgram::compile(energy.program(), kPlenty, reason);
  if (!program) fail(__FILE__, __LINE__, energy.program().kind + ": " + reason);
  const Batch rows = randomRows(energy.program(), n, seed, conditioned);
  const EnergyAndGradient want = exact(energy, rows);
  // Four lanes a row take the wide form of the product, two the narrow one; weights streamed, then kept.
  for (const int variant : {0, 1, 2}) {
    const auto d = prepare(energy, rows, variant > 0, variant == 2 ? 2 : 4, *program);
    test::runOnHost(d->launch);
    CHECK(d->lost == cuda::kNothingLost);
    CHECK_NEAR(apart(d->energy, want.energy), 0.0, 1e-5);
    CHECK_NEAR(apart(d->gradient, want.gradient), 0.0, 1e-5);
  }
}

void compare(Program program, std::int64_t n, std::uint64_t seed, bool conditioned = false) {
  compare(Energy(std::move(program), at::kFloat, at::kCPU, seed), n, seed, conditioned);
}

}  // namespace

TEST(device_normals_are_the_bits_of_the_host) {
  const std::uint64_t seed = 0x123456789ABCDEFull, first = (1ull << 35) + 11, step = (1ull << 33) + 5;
  for (const std::int64_t cols : {1, 3, 4, 7}) {
    std::vector<float> want(static_cast<std::size_t>(3000 * cols)), uniform(want.size());
    fillNormal(want.data(), 3000, cols, seed, first, step, Stream::Noise);
    fillUniform(uniform.data(), 3000, cols, seed, first, step, Stream::Accept);
    for (std::int64_t r = 0; r < 3000; ++r)
      for (std::int64_t c = 0; c < cols; ++c) {
        const auto at = static_cast<std::size_t>(r * cols + c);
        const auto row = first + static_cast<std::uint64_t>(r);
        const auto block = static_cast<std::uint32_t>(c / 4);
        const cuda::Quad z = cuda::normalsOf(cuda::randomWords(seed, row, step, cuda::kNoiseStream, block));
        CHECK(std::bit_cast<std::uint32_t>(z.v[c % 4]) == std::bit_cast<std::uint32_t>(want[at]));
        const cuda::Words w = cuda::randomWords(seed, row, step, cuda::kAcceptStream, block);
        CHECK(cuda::uniformOf(w.w[c % 4]) == uniform[at]);
      }
  }
  // Control: another step is another number.
  CHECK(cuda::randomWords(seed, 1, 2, 2, 0).w[0] != cuda::randomWords(seed, 1, 3, 2, 0).w[0]);
  CHECK(cuda::kNoiseStream == static_cast<std::uint32_t>(Stream::Noise));
  CHECK(cuda::kAcceptStream == static_cast<std::uint32_t>(Stream::Accept));
}

TEST(networks_of_every_activation_and_odd_widths) {
  const std::vector<std::vector<std::int64_t>> shapes = {{}, {1}, {3}, {17, 130}, {64, 64}, {8, 9, 10, 11}};
  const char* activations[] = {"silu", "gelu", "tanh", "sigmoid", "softplus", "relu", "leakyRelu"};
  std::uint64_t seed = 1;
  for (const char* act : activations) {
    compare(network(act, seed % 2 ? 2 : 11, shapes[seed % shapes.size()]), seed % 3 ? 11 : 1, seed);
    ++seed;
  }
}

TEST(layers_wider_than_a_band_and_deeper_than_a_chunk) {
  compare(network("silu", 37, {150, 141}), 9, 5);
  compare(network("tanh", 2, {64, 300}), 3, 6);
}

TEST(conditions_norms_and_classes) {
  compare(residualConditional(), 10, 77, true);
  compare(continuousConditional(), 10, 78, true);
  for (const bool labelled : {false, true}) compare(classifier(), 10, 5, labelled);
}

TEST(expressions_and_analytic_energies) {
  compare(expression(), 17, 8);
  compare(gaussian(), 9, 2);
  for (const bool round : {false, true})
    for (std::int64_t k : {1, 3, 20}) compare(mixture(k, k == 1 ? 1 : 3, round), 9, 4);
  for (const char* kind : {"doubleWell", "rosenbrock", "rastrigin", "ackley", "funnel"})
    compare(*make({{"kind", kind}, {"input", 2}}), 9, 3, false);
}

namespace {

struct Outcome {
  at::Tensor x, energy;
  Tally tally;
};

Map options(const char* kind, double stepSize) { return {{"kind", kind}, {"steps", 6}, {"stepSize", stepSize}}; }

// The kernel's source, all steps in one go.
Outcome inTheKernel(const Energy& energy, const Sampler& sampler, const at::Tensor& x, int lanes) {
  std::string reason;
  const auto program = cuda::CudaProgram::compile(energy.program(), kPlenty, reason);
  const auto d = prepare(energy, {x, {}}, true, lanes, *program);
  const CommonOptions& o = sampler.common();
  d->schedule = at::empty({o.steps, 3}, at::kDouble);
  for (std::int64_t t = 0; t < o.steps; ++t) {
    const double h = o.stepSize.at(t, o.steps), temperature = o.temperature.at(t, o.steps);
    d->schedule[t].copy_(at::tensor({h / 2, std::sqrt(h * temperature), temperature}, at::kDouble));
  }
  cuda::Launch& l = d->launch;
  l.schedule = reinterpret_cast<const cuda::StepNumbers*>(d->schedule.data_ptr<double>());
  l.steps = static_cast<std::int32_t>(o.steps);
  l.seed = 1;
  l.firstChain = 0;
  l.counter = 5;
  l.adjusted = sampler.traits().adjusted;
  l.monitor = !l.adjusted;
  l.clip = o.clip;
  if (o.box) {
    l.boxed = true;
    l.reflect = o.box->reflect;
    l.low = o.box->low;
    l.high = o.box->high;
  }
  test::runOnHost(l);
  CHECK(d->lost == cuda::kNothingLost);
  Outcome result{d->x, d->energy, {}};
  const at::Tensor sums = d->counts.sum(0);
  result.tally.addRecorded(sums);
  return result;
}

// Its twin, the step-by-step loop on plain ATen.
Outcome stepByStep(const Energy& energy, const Sampler& sampler, const at::Tensor& x) {
  Job job;
  Pulse pulse(job, x.size(0), 1, false);
  Outcome result;
  Chains chains;
  chains.x = x;
  const Random random(1);
  sampler.init(chains, energy, random, 5);
  for (std::int64_t t = 0; t < sampler.common().steps; ++t)
    sampler.step(chains, energy, {t, sampler.common().steps, 5 + static_cast<std::uint64_t>(t), true}, random,
                 result.tally);
  result.x = chains.x;
  result.energy = chains.energy;
  return result;
}

}  // namespace

TEST(chains_equal_those_of_the_plain_loop) {
  const Energy energy(network("silu", 3, {32, 17}), at::kFloat, at::kCPU, 3);
  std::vector<Map> specs = {options("langevin", 0.1), options("langevin", 0.1), options("langevin", 0.5),
                            options("langevin", 0.5), options("langevin", 0.2), options("mala", 0.8),
                            options("mala", 0.8)};
  specs[1]["clip"] = 0.4;
  specs[2]["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "reflect"}};
  specs[3]["box"] = Map{{"low", -1.0}, {"high", 1.2}, {"mode", "clamp"}};
  specs[4]["temperature"] = Map{{"kind", "geometric"}, {"from", 4.0}, {"to", 0.25}};
  specs[6]["box"] = Map{{"low", -1.5}, {"high", 1.5}, {"mode", "reflect"}};
  specs[6]["clip"] = 0.5;
  int lanes = 2;
  for (const Map& spec : specs) {
    const Value value{spec};
    const auto sampler = makeSampler(Spec(value, "sampler"));
    const at::Tensor x = Random(9).normal(19, 3, 0, Stream::Init, at::kFloat);
    const Outcome a = inTheKernel(energy, *sampler, x, lanes = 6 - lanes), b = stepByStep(energy, *sampler, x);
    // States of size 1, six steps of one float32 rounding each. (A Metropolis decision would have to fall on a tie of
    // ratio and uniform to differ: none of these 114 does.)
    CHECK_NEAR((a.x - b.x).abs().max().item<double>(), 0.0, 2e-5);
    CHECK_NEAR((a.energy - b.energy).abs().max().item<double>(), 0.0, 2e-5);
    CHECK_NEAR(a.tally.acceptance, b.tally.acceptance, 1e-3);
    CHECK(a.tally.proposals == b.tally.proposals && a.tally.accepted == b.tally.accepted);
    CHECK(a.tally.clipped == b.tally.clipped && a.tally.clamped == b.tally.clamped);
  }
}

TEST(a_lost_chain_is_named) {
  const Energy energy(network("silu", 3, {8}), at::kFloat, at::kCPU, 3);
  std::string reason;
  const auto program = cuda::CudaProgram::compile(energy.program(), kPlenty, reason);
  at::Tensor x = Random(9).normal(19, 3, 0, Stream::Init, at::kFloat);
  x[13][1] = NAN;
  const auto d = prepare(energy, {x, {}}, true, 4, *program);
  test::runOnHost(d->launch);
  CHECK(d->lost >> 40 == 0);  // at the start
  CHECK(((d->lost >> 2) & 0xFFFFFF) == 13);
  CHECK((d->lost & 3) == cuda::kLostEnergy);
}

TEST(what_does_not_fit_is_refused_with_the_reason) {
  std::string reason;
  CHECK(!cuda::CudaProgram::compile(network("silu", 4000, {64}), 100 * 1024, reason));
  CHECK(reason.find("shared memory") != std::string::npos);
  CHECK(cuda::CudaProgram::compile(network("silu", 2, {128, 128}), kPlenty, reason) != nullptr);
  // 10,000 chains: tall tiles with the weights at home; 64 chains on 132 multiprocessors: short ones.
  const Program program = network("silu", 2, {128, 128});
  const auto compiled = cuda::CudaProgram::compile(program, kPlenty, reason);
  const cuda::Shape many = compiled->shape(false, 10000, kPlenty, 132), few = compiled->shape(false, 64, kPlenty, 132);
  CHECK(many.tileRows == 64 && many.resident && many.sharedFloats * 4 <= kPlenty);
  CHECK(few.tileRows == 8 && few.threads == 128);
}

}  // namespace langevin::cuda_kernel_test
