#include "base/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace langevin {

Schedule Schedule::read(const Spec& spec, bool zeroAllowed) {
  const auto value = [&](const Spec& s, const char* key) {
    return zeroAllowed ? s.nonNegative(key, s.number(key)) : s.positive(key);
  };
  if (!spec.value().map()) {
    const double v = spec.number();
    if (v < 0 || (v == 0 && !zeroAllowed)) spec.invalid("must be greater than 0, got " + std::to_string(v));
    return Schedule(v);
  }
  Schedule s;
  const std::string& kind = spec.kind();
  if (kind == "constant") {
    s.from_ = s.to_ = value(spec, "value");
  } else if (kind == "linear" || kind == "cosine" || kind == "geometric") {
    s.kind_ = kind == "linear" ? Kind::Linear : kind == "cosine" ? Kind::Cosine : Kind::Geometric;
    s.from_ = value(spec, "from");
    s.to_ = kind == "geometric" ? spec.positive("to") : value(spec, "to");
    if (s.kind_ == Kind::Geometric && !(s.from_ > 0)) spec.at("from").invalid("must be greater than 0");
  } else if (kind == "step") {
    s.kind_ = Kind::Step;
    s.from_ = s.to_ = value(spec, "from");
    s.factor_ = spec.positive("factor");
    s.milestones_ = spec.at("milestones").numbers();
    for (double m : s.milestones_)
      if (m < 0 || m > 1) spec.at("milestones").invalid("milestones are fractions of the run, between 0 and 1");
    std::sort(s.milestones_.begin(), s.milestones_.end());
  } else if (kind == "polynomial") {  // a (b + t)^-gamma, Welling and Teh 2011
    s.kind_ = Kind::Polynomial;
    s.from_ = spec.positive("a");
    s.to_ = spec.positive("b");
    s.gamma_ = spec.nonNegative("gamma", 0.55);
  } else {
    spec.at("kind").invalid("unknown schedule '" + kind +
                            "'; one of constant, linear, geometric, cosine, step, polynomial");
  }
  s.warmup_ = spec.count("warmup", 0, 0);
  return s;
}

double Schedule::at(std::int64_t t, std::int64_t total) const {
  const double u = total > 1 ? std::clamp(static_cast<double>(t) / static_cast<double>(total - 1), 0.0, 1.0) : 0.0;
  double v = from_;
  switch (kind_) {
    case Kind::Constant:
      break;
    case Kind::Linear:
      v = from_ + (to_ - from_) * u;
      break;
    case Kind::Geometric:
      v = from_ * std::pow(to_ / from_, u);
      break;
    case Kind::Cosine:
      v = to_ + (from_ - to_) * 0.5 * (1.0 + std::cos(std::numbers::pi * u));
      break;
    case Kind::Step:
      for (double m : milestones_) v *= u >= m ? factor_ : 1.0;
      break;
    case Kind::Polynomial:
      v = from_ * std::pow(to_ + static_cast<double>(t), -gamma_);
      break;
  }
  if (t < warmup_) v *= static_cast<double>(t + 1) / static_cast<double>(warmup_);
  return v;
}

Schedule Schedule::times(double factor) const {
  Schedule s = *this;
  s.from_ *= factor;
  if (kind_ != Kind::Polynomial) s.to_ *= factor;  // there it is the shift b
  return s;
}

double Schedule::largest(std::int64_t total) const {
  double m = 0;
  const std::int64_t stride = std::max<std::int64_t>(1, total / 1024);
  for (std::int64_t t = 0; t < std::max<std::int64_t>(total, 1); t += stride) m = std::max(m, at(t, total));
  return m;
}

}  // namespace langevin
