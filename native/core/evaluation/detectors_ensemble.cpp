// ensemble: the mean over rounds and members of (t(s) - m) / d, where s is the score of a member that was fitted to the rows
// of the round, t its logarithm for distances and ratios and s itself otherwise, m and d mean and standard deviation of t(s)
// on rows that the round held out. log(s + e), e a thousandth of the median of those scores: a duplicate of a training row,
// at distance 0, has a logarithm.
#include <algorithm>
#include <cmath>
#include <set>

#include "evaluation/detectors.hpp"
#include "tensors/arguments.hpp"
#include "tensors/tensor.hpp"

namespace langevin {
namespace {

// Scores that are distances or ratios: what counts is how many times they are larger.
const std::set<std::string>& distanceKinds() {
  static const std::set<std::string> kinds = {"knn", "lof", "mahalanobis", "minimumCovarianceDeterminant", "pca"};
  return kinds;
}

// How many of the flat list `models` a member takes.
std::size_t modelsOfMember(const Spec& member) {
  if (member.kind() == "energyLadder") return member.at("sigmas").list().size();
  return member.kind() == "denoisingScore" ? 1 : 0;
}

// The members of every round, round after round: each as its own detector, with its energies in it.
std::vector<Value> ensembleParts(const Spec& detector) {
  const std::vector<Spec> members = detector.at("members").items();
  const std::int64_t rounds = detector.count("rounds", 1, 1);
  const List models = detector.has("models") ? detector.at("models").list() : List{};
  if (members.empty()) detector.at("members").invalid("needs at least one detector");
  std::vector<Value> parts;
  std::size_t next = 0;
  for (std::int64_t r = 0; r < rounds; ++r) {
    for (const Spec& member : members) {
      Map part = member.map();
      const std::size_t count = modelsOfMember(member);
      if (next + count > models.size()) detector.at("models").invalid("there are fewer than the members ask for");
      if (count > 0) {
        const auto first = models.begin() + static_cast<std::ptrdiff_t>(next);
        part["models"] = List(first, first + static_cast<std::ptrdiff_t>(count));
      }
      next += count;
      parts.emplace_back(std::move(part));
    }
  }
  return parts;
}

// The scale of one part: what is added before the logarithm (below 0: no logarithm), mean, standard deviation.
struct PartScale {
  double offset, mean, deviation;

  at::Tensor apply(const at::Tensor& scores) const {
    return (offset < 0 ? scores : scores.add(offset).log()).sub(mean).div(deviation);
  }
};

PartScale scaleOf(const at::Tensor& heldOut, bool distance) {
  PartScale scale = {-1, 0, 1};
  if (distance) scale.offset = 1e-3 * heldOut.median().item<double>() + 1e-9;
  const at::Tensor values = scale.apply(heldOut);
  scale.mean = values.mean().item<double>();
  // Rows that all score alike: their unit is 1.
  const double deviation = values.std(0, false).item<double>();
  if (deviation > 0) scale.deviation = deviation;
  return scale;
}

class DetectorEnsemble : public Detector {
 public:
  DetectorEnsemble(std::vector<std::unique_ptr<Detector>> parts, std::vector<PartScale> scales)
      : parts_(std::move(parts)), scales_(std::move(scales)) {}

  at::Tensor scores(const at::Tensor& x, int threads, Job& job) const override {
    at::Tensor total;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      const at::Tensor own = scales_[k].apply(parts_[k]->scores(x, threads, job));
      total = total.defined() ? total.add_(own) : own.clone();
    }
    return total.div_(static_cast<double>(parts_.size()));
  }

 private:
  std::vector<std::unique_ptr<Detector>> parts_;
  std::vector<PartScale> scales_;
};

std::string partName(std::size_t k) { return std::to_string(k) + "."; }

// { members, rounds: how many, models, rows: unused, sets: [{ train, heldOut }] of each round }
Map fitEnsemble(const Spec& detector, int threads, Job& job) {
  const std::vector<Value> parts = ensembleParts(detector);
  const std::vector<Spec> sets = detector.at("sets").items();
  const std::size_t members = detector.at("members").list().size();
  if (sets.size() * members != parts.size()) detector.at("sets").invalid("must have an entry for each round");
  Map state;
  const at::Tensor scales = at::empty({static_cast<std::int64_t>(parts.size()), 3}, at::kDouble);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Spec set = sets[k / members];
    Map own = *parts[k].map();
    own["rows"] = set.at("train").value();
    const Value described(own);
    const Spec part(described, detector.path() + ".members[" + std::to_string(k % members) + "]");
    const DetectorKind& kind = detectorKind(part);
    const Value fitted = kind.fit == nullptr ? Map{} : kind.fit(part, threads, job);
    const auto made = kind.make(part, Spec(fitted, "state"));
    const at::Tensor heldOut = made->scores(unbox(set.at("heldOut")), threads, job);
    const PartScale scale = scaleOf(heldOut, distanceKinds().count(part.kind()) > 0);
    double* row = scales.data_ptr<double>() + 3 * k;
    row[0] = scale.offset;
    row[1] = scale.mean;
    row[2] = scale.deviation;
    for (const auto& [name, value] : *fitted.map()) state[partName(k) + name] = value;
  }
  state["scales"] = box(scales);
  return state;
}

std::unique_ptr<Detector> makeEnsemble(const Spec& detector, const Spec& state) {
  const std::vector<Value> parts = ensembleParts(detector);
  const at::Tensor scales = unbox(state.at("scales"));
  if (scales.sizes() != at::IntArrayRef({static_cast<std::int64_t>(parts.size()), 3}))
    state.at("scales").invalid("must have a row for each member of each round");
  std::vector<std::unique_ptr<Detector>> made;
  std::vector<PartScale> read;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    Map own;
    const std::string prefix = partName(k);
    for (const auto& [name, value] : state.map())
      if (name.rfind(prefix, 0) == 0) own[name.substr(prefix.size())] = value;
    const Value tensors(own);
    const Spec part(parts[k], detector.path() + ".members");
    made.push_back(detectorKind(part).make(part, Spec(tensors, state.path())));
    const double* row = scales.const_data_ptr<double>() + 3 * k;
    read.push_back({row[0], row[1], row[2]});
  }
  return std::make_unique<DetectorEnsemble>(std::move(made), std::move(read));
}

}  // namespace

const DetectorKind& detectorEnsemble() {
  static const DetectorKind kind = {fitEnsemble, makeEnsemble};
  return kind;
}

}  // namespace langevin
