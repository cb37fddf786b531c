#include "base/spec.hpp"

#include <cmath>

#include "base/threads.hpp"

namespace langevin {
namespace {

const char* typeName(const Value& value) {
  static constexpr const char* names[] = {"null",   "a boolean", "a number", "a bigint", "text",
                                          "a list", "an object", "a tensor", "an energy"};
  return names[value.data.index()];
}

std::string joinedPath(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

}  // namespace

void Spec::invalid(const std::string& problem) const {
  throw Error(Code::InvalidOption, (path_.empty() ? "options" : path_) + ": " + problem, {{"path", path_}});
}

const Map& Spec::map() const {
  if (const Map* m = value_->map()) return *m;
  invalid(std::string("expected an object, got ") + typeName(*value_));
}

const List& Spec::list() const {
  if (const List* l = value_->list()) return *l;
  invalid(std::string("expected a list, got ") + typeName(*value_));
}

bool Spec::has(const std::string& key) const {
  const Map& m = map();
  auto it = m.find(key);
  return it != m.end() && !it->second.isNull();
}

std::optional<Spec> Spec::find(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return at(key);
}

Spec Spec::at(const std::string& key) const {
  const Map& m = map();
  auto it = m.find(key);
  if (it == m.end() || it->second.isNull()) Spec(*value_, joinedPath(path_, key)).invalid("is required");
  return Spec(it->second, joinedPath(path_, key));
}

std::vector<Spec> Spec::items() const {
  std::vector<Spec> result;
  const List& l = list();
  result.reserve(l.size());
  for (std::size_t i = 0; i < l.size(); ++i) result.emplace_back(l[i], path_ + "[" + std::to_string(i) + "]");
  return result;
}

double Spec::number() const {
  double v = 0;
  if (auto d = value_->get<double>()) {
    v = *d;
  } else if (auto u = value_->get<std::uint64_t>()) {
    v = static_cast<double>(*u);
  } else {
    invalid(std::string("expected a number, got ") + typeName(*value_));
  }
  if (!std::isfinite(v)) invalid("must be finite, got " + std::to_string(v));
  return v;
}

std::int64_t Spec::integer() const {
  const double v = number();
  if (v != std::floor(v) || std::abs(v) > 9007199254740992.0)
    invalid("expected a whole number, got " + std::to_string(v));
  return static_cast<std::int64_t>(v);
}

std::uint64_t Spec::seed() const {
  if (auto u = value_->get<std::uint64_t>()) return *u;
  const std::int64_t v = integer();
  if (v < 0) invalid("a seed is a whole number of at least 0, got " + std::to_string(v));
  return static_cast<std::uint64_t>(v);
}

bool Spec::boolean() const {
  if (auto b = value_->get<bool>()) return *b;
  invalid(std::string("expected true or false, got ") + typeName(*value_));
}

const std::string& Spec::text() const {
  if (auto s = value_->get<std::string>()) return *s;
  invalid(std::string("expected text, got ") + typeName(*value_));
}

TensorRef Spec::tensor() const {
  if (auto t = value_->get<TensorRef>()) return *t;
  invalid(std::string("expected a tensor, got ") + typeName(*value_));
}

NetworkRef Spec::network() const {
  if (auto n = value_->get<NetworkRef>()) return *n;
  invalid(std::string("expected an energy, got ") + typeName(*value_));
}

std::vector<double> Spec::numbers() const {
  std::vector<double> result;
  for (const Spec& item : items()) result.push_back(item.number());
  return result;
}

std::vector<std::int64_t> Spec::integers() const {
  std::vector<std::int64_t> result;
  for (const Spec& item : items()) result.push_back(item.integer());
  return result;
}

double Spec::positive(const std::string& key) const {
  const Spec s = at(key);
  const double v = s.number();
  if (!(v > 0)) s.invalid("must be greater than 0, got " + std::to_string(v));
  return v;
}

double Spec::nonNegative(const std::string& key, double otherwise) const {
  if (!has(key)) return otherwise;
  const Spec s = at(key);
  const double v = s.number();
  if (v < 0) s.invalid("must be at least 0, got " + std::to_string(v));
  return v;
}

double Spec::probability(const std::string& key, double otherwise) const {
  if (!has(key)) return otherwise;
  const Spec s = at(key);
  const double v = s.number();
  if (v < 0 || v > 1) s.invalid("must lie between 0 and 1, got " + std::to_string(v));
  return v;
}

std::int64_t Spec::count(const std::string& key, std::int64_t least) const {
  const Spec s = at(key);
  const std::int64_t v = s.integer();
  if (v < least)
    s.invalid("must be a whole number of at least " + std::to_string(least) + ", got " + std::to_string(v));
  return v;
}

int Spec::threads() const { return static_cast<int>(count("threads", 1, defaultThreads())); }

}  // namespace langevin
