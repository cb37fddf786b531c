#include "replay/replay_buffer.hpp"

#include <cmath>

#include "samplers/ladder.hpp"
#include "tensors/columns.hpp"
#include "tensors/saved.hpp"

namespace langevin {
namespace {

// The names, for a message.
std::string strategyNames() {
  std::string all;
  for (const std::string& name : replayStrategies()) all += (all.empty() ? "'" : ", '") + name + "'";
  return all;
}

}  // namespace

ReplayBuffer::Options ReplayBuffer::Options::read(const Spec& spec) {
  Options o;
  o.size = spec.count("size", 1, o.size);
  o.reinit = spec.probability("reinit", o.reinit);
  o.blur = spec.nonNegative("blur", 0);
  if (const auto from = spec.find("reinitFrom")) {
    o.uniform = o.normal = o.data = 0;
    if (from->value().map()) {
      o.uniform = from->nonNegative("uniform", 0);
      o.normal = from->nonNegative("normal", 0);
      o.data = from->nonNegative("data", 0);
    } else {
      const std::string& name = from->text();
      if (name != "uniform" && name != "normal" && name != "data")
        from->invalid("must be 'uniform', 'normal', 'data' or shares { uniform, normal, data }, got '" + name + "'");
      (name == "uniform" ? o.uniform : name == "normal" ? o.normal : o.data) = 1;
    }
    const double total = o.uniform + o.normal + o.data;
    if (!(total > 0)) from->invalid("at least one share must be above 0");
    o.uniform /= total;
    o.normal /= total;
    o.data /= total;
  }
  if (const auto accept = spec.find("reinitAccept")) {
    const std::string& rule = accept->text();
    if (rule != "always" && rule != "metropolis")
      accept->invalid("must be 'always' or 'metropolis', got '" + rule + "'");
    o.metropolis = rule == "metropolis";
    // The test needs the density of the proposals; of a uniform law it is one constant.
    if (o.metropolis && o.uniform < 1)
      accept->invalid("a tested restart is drawn uniformly: use reinitFrom: 'uniform'");
  }
  o.strategy = spec.text("strategy", o.strategy);
  if (!makeReplayStrategy(o.strategy))
    spec.at("strategy").invalid("must be one of " + strategyNames() + ", got '" + o.strategy + "'");
  if (const auto temper = spec.find("temper")) {
    o.temper = fallingLadder(*temper);
    if (o.metropolis) temper->invalid("a tempered restart has no density that a Metropolis test could use");
  }
  if (const auto box = spec.find("box")) {
    o.low = numberOrList(*box, "low");
    o.high = numberOrList(*box, "high");
  }
  return o;
}

void ReplayBuffer::fill(const RowSource& data, const Random& random, const Domain& domain) {
  at::NoGradGuard guard;
  domain_ = domain.columns() > 0 ? domain : Domain::of(Domain::Kind::Real, data.width());
  if (!domain_.real() && (options_.normal > 0 || options_.blur > 0 || !options_.low.empty()))
    fail(Code::InvalidOption, "buffer: this energy is over ", domain_.describe(),
         ", whose chains start from 'uniform' states or 'data' rows, without blur and box");
  data_ = data;
  random_ = random.fork(Salt::Buffer);
  const at::Tensor low = data.low(), high = data.high();
  const at::Tensor margin = (high - low) * 0.1;
  low_ = options_.low.empty() ? low - margin : perColumn(options_.low, data.none(), "buffer.box.low");
  width_ = (options_.high.empty() ? high + margin : perColumn(options_.high, data.none(), "buffer.box.high")) - low_;
  for (const ColumnBlock& block : domain_.runs()) {
    if (!block.discrete()) continue;
    const auto [least, most] = block.range();  // the box of every state
    block.columnsOf(low_).fill_(least);
    block.columnsOf(width_).fill_(most - least);
  }
  if (!options_.low.empty() && !(width_ > 0).all().item<bool>())
    fail(Code::InvalidOption, "buffer.box: high must be above low in every column");
  mean_ = data.mean();
  deviation_ = data.deviation();
  // The start is a restart of every chain, from a generator of its own: no training step repeats its numbers.
  strategy_ = makeReplayStrategy(options_.strategy);
  strategy_->prepare(options_.size, data);
  const Batch start = fresh(at::arange(options_.size, at::kLong), 0, random_.fork(Salt::BufferFill));
  x_ = start.x;
  y_ = start.y;
  age_ = at::zeros({options_.size}, at::kLong);
  uses_ = at::zeros({options_.size}, at::kLong);
  draws_ = restarts_ = ageSum_ = advanced_ = 0;
}

at::Tensor ReplayBuffer::uniformRows(std::int64_t count, std::uint64_t step, const Random& random) const {
  return domain_.uniform(count, step, Stream::Init, random, data_.options(), low_, width_);
}

Batch ReplayBuffer::fresh(const at::Tensor& slots, std::uint64_t step, const Random& random) const {
  const std::int64_t count = slots.size(0), d = data_.width();
  const at::Tensor picked = strategy_->restart(slots, step, random);
  Batch rows;
  // A conditional chain keeps the condition of a data row, whatever law its x starts from.
  rows.y = data_.y(picked);
  const bool mixed = (options_.uniform > 0) + (options_.normal > 0) + (options_.data > 0) > 1;
  const at::Tensor which =
      mixed ? random.uniform(count, 1, step, Stream::User, data_.options()) : at::zeros({1, 1}, data_.options());
  at::Tensor noise;
  if (options_.normal > 0 || (options_.data > 0 && options_.blur > 0))
    noise = random.normal(count, d, step, Stream::Noise, data_.options());
  if (options_.data > 0) {
    rows.x = data_.x(picked);
    if (options_.blur > 0) rows.x = rows.x + options_.blur * noise;
  }
  if (options_.normal > 0) {
    const at::Tensor x = mean_ + deviation_ * noise;
    rows.x = rows.x.defined() ? at::where(which < options_.normal, x, rows.x) : x;
  }
  if (options_.uniform > 0) {
    const at::Tensor x = uniformRows(count, step, random);
    rows.x = rows.x.defined() ? at::where(which >= 1.0 - options_.uniform, x, rows.x) : x;
  }
  return rows;
}

// Independence Metropolis (Tierney 1994) with the uniform law on the box: accept with probability
// min(1, exp(E(from) - E(to))). From outside the box there is no way back, so no way in either.
at::Tensor ReplayBuffer::accepted(const Batch& from, const Batch& to, std::uint64_t step,
                                  const EnergyOf& energy) const {
  if (!energy) fail(Code::Internal, "tested restarts need the energy of the chains");
  const at::Tensor inside = from.x.ge(low_).logical_and(from.x.le(low_ + width_)).all(1);
  const at::Tensor u = random_.uniform(from.size(), 1, step, Stream::Accept, at::TensorOptions(at::kDouble)).squeeze(1);
  const at::Tensor logRatio = (energy(from).to(at::kDouble) - energy(to).to(at::kDouble)).to(at::kCPU);
  // A ratio that is not a number compares false: such a start is refused, never entered.
  return u.log().lt(logRatio).logical_and(inside.to(at::kCPU));
}

ReplayBuffer::Draw ReplayBuffer::draw(std::int64_t count, std::uint64_t step, const EnergyOf& energy) const {
  at::NoGradGuard guard;
  if (count > options_.size)
    fail(Code::InvalidOption, "the buffer holds ", options_.size, " chains and a step needs ", count,
         "; raise buffer.size or lower the number of chains (chains, or batchSize)");
  Draw draw;
  draw.step = step;
  const at::Tensor slots = strategy_->draw(count, step, random_);
  draw.slots = slots.to(x_.device());
  draw.rows = Batch{x_, y_}.select(draw.slots);
  draw.restarted = random_.uniform(count, 1, step, Stream::Reinit, at::TensorOptions(at::kFloat)).squeeze(1) <
                   static_cast<float>(options_.reinit);
  if (draw.restarted.any().item<bool>()) {
    Batch start = fresh(slots, step, random_);
    if (options_.metropolis) {
      start.y = draw.rows.y;  // a tested move is one in x, at the chain's own condition
      draw.restarted = draw.restarted.logical_and(accepted(draw.rows, start, step, energy));
    }
    const at::Tensor mask = draw.restarted.to(x_.device());
    draw.rows.x = at::where(mask.unsqueeze(1), start.x, draw.rows.x);
    if (y_.defined()) draw.rows.y = at::where(y_.dim() == 2 ? mask.unsqueeze(1) : mask, start.y, draw.rows.y);
  }
  return draw;
}

void ReplayBuffer::annealRestarts(Draw& draw, const RunAtTemperature& run) const {
  if (options_.temper.empty() || !draw.restarted.any().item<bool>()) return;
  at::NoGradGuard guard;
  const at::Tensor which = draw.restarted.nonzero().squeeze(1).to(x_.device());
  Batch rows = draw.rows.select(which);
  for (std::size_t level = 0; level < options_.temper.size(); ++level)
    rows.x = run(rows, options_.temper[level], level);
  draw.rows.x = draw.rows.x.index_copy(0, which, rows.x);
}

void ReplayBuffer::store(const Draw& draw, const at::Tensor& x, std::int64_t steps) {
  at::NoGradGuard guard;
  const at::Tensor from = draw.slots.to(at::kCPU).contiguous();
  const at::Tensor to = strategy_->store(from, draw.step, draws_, random_).contiguous();
  count(from, to, draw.restarted.contiguous(), steps);
  at::Tensor target = to.to(x_.device()), rows = x.detach(), conditions = draw.rows.y;
  if ((to < 0).any().item<bool>()) {
    const at::Tensor stays = target.ge(0).nonzero().squeeze(1);
    target = target.index_select(0, stays);
    rows = rows.index_select(0, stays);
    if (y_.defined()) conditions = conditions.index_select(0, stays);
  }
  x_.index_copy_(0, target, rows);
  if (y_.defined()) y_.index_copy_(0, target, conditions);
}

// A chain's age and uses go with it. All are read before any is written: one may go where another came from.
void ReplayBuffer::count(const at::Tensor& from, const at::Tensor& to, const at::Tensor& restarted,
                         std::int64_t steps) {
  const auto n = static_cast<std::size_t>(from.size(0));
  const auto *source = from.const_data_ptr<std::int64_t>(), *target = to.const_data_ptr<std::int64_t>();
  const auto* begun = restarted.const_data_ptr<bool>();
  auto *age = age_.mutable_data_ptr<std::int64_t>(), *uses = uses_.mutable_data_ptr<std::int64_t>();
  std::vector<std::int64_t> ages(n), counts(n);
  for (std::size_t i = 0; i < n; ++i) {
    ages[i] = (begun[i] ? 0 : age[source[i]]) + steps;
    counts[i] = (begun[i] ? 0 : uses[source[i]]) + 1;
    restarts_ += begun[i] ? 1 : 0;
  }
  draws_ += static_cast<std::int64_t>(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (target[i] < 0) continue;
    ageSum_ += ages[i] - age[target[i]];
    advanced_ += uses[target[i]] > 0 ? 0 : 1;
    age[target[i]] = ages[i];
    uses[target[i]] = counts[i];
  }
}

double ReplayBuffer::meanAge() const { return static_cast<double>(ageSum_) / static_cast<double>(options_.size); }
double ReplayBuffer::saturation() const { return static_cast<double>(advanced_) / static_cast<double>(options_.size); }

std::map<std::string, at::Tensor> ReplayBuffer::state() const {
  std::map<std::string, at::Tensor> state{{"buffer.x", x_.clone()},
                                          {"buffer.age", age_.clone()},
                                          {"buffer.uses", uses_.clone()},
                                          {"buffer.counters", at::tensor({draws_, restarts_}, at::kLong)}};
  if (y_.defined()) state.emplace("buffer.y", y_.clone());
  return state;
}

void ReplayBuffer::setState(const std::map<std::string, at::Tensor>& state) {
  const at::Tensor x = savedTensor(state, "buffer.x");
  if (!x.sizes().equals(x_.sizes()))
    fail(Code::Format, "the checkpoint's buffer has shape ", c10::str(x.sizes()), ", this run's ",
         c10::str(x_.sizes()));
  x_ = x.to(x_.options()).clone();
  if (y_.defined()) y_ = savedTensor(state, "buffer.y").to(y_.options()).clone();
  age_ = savedTensor(state, "buffer.age").to(at::kCPU).contiguous().clone();
  uses_ = savedTensor(state, "buffer.uses").to(at::kCPU).contiguous().clone();
  ageSum_ = age_.sum().item<std::int64_t>();
  advanced_ = (uses_ > 0).sum().item<std::int64_t>();
  const at::Tensor counters = savedTensor(state, "buffer.counters").to(at::kCPU);
  draws_ = counters[0].item<std::int64_t>();
  restarts_ = counters[1].item<std::int64_t>();
}

// Ten equal bins from 0 to the largest age.
Map ReplayBuffer::ageHistogram() const {
  constexpr std::int64_t kBins = 10;
  const at::Tensor age = age_.to(at::kDouble);
  const double width = std::max(1.0, age.max().item<double>()) / kBins;
  const at::Tensor bin = (age / width).floor().to(at::kLong).clamp_max(kBins - 1);
  const at::Tensor counts = at::bincount(bin, {}, kBins).contiguous();
  List edges, numbers;
  for (std::int64_t i = 0; i <= kBins; ++i) edges.emplace_back(width * static_cast<double>(i));
  for (std::int64_t i = 0; i < kBins; ++i) numbers.emplace_back(counts.const_data_ptr<std::int64_t>()[i]);
  return {{"edges", std::move(edges)}, {"counts", std::move(numbers)}};
}

Map ReplayBuffer::statistics() const {
  const at::Tensor age = age_.to(at::kDouble), uses = uses_.to(at::kDouble);
  const double draws = static_cast<double>(draws_);
  return {{"size", options_.size},
          {"strategy", options_.strategy},
          {"draws", draws_},
          {"restarts", restarts_},
          {"restartShare", draws > 0 ? static_cast<double>(restarts_) / draws : 0.0},
          {"age", Map{{"mean", age.mean().item<double>()},
                      {"median", age.median().item<double>()},
                      {"largest", age.max().item<double>()}}},
          {"ageHistogram", ageHistogram()},
          {"uses", Map{{"mean", uses.mean().item<double>()}, {"largest", uses.max().item<double>()}}},
          {"saturation", saturation()}};
}

}  // namespace langevin
