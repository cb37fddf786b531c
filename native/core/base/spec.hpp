// Typed reading of a Value tree. Every error names the path of the offending key ("objective.sampler.stepSize").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/value.hpp"

namespace langevin {

class Spec {
 public:
  /// `path` is how the user would write the place: "objective.sampler". The Value must outlive the Spec.
  Spec(const Value& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Value& value() const { return *value_; }
  const std::string& path() const { return path_; }

  bool has(const std::string& key) const;  // present and not null
  Spec at(const std::string& key) const;   // throws when absent
  std::optional<Spec> find(const std::string& key) const;
  std::vector<Spec> items() const;  // of a list

  // Readings of this value itself.
  double number() const;  // finite
  std::int64_t integer() const;
  std::uint64_t seed() const;  // number >= 0 or bigint
  bool boolean() const;
  const std::string& text() const;
  const Map& map() const;
  const List& list() const;
  TensorRef tensor() const;
  NetworkRef network() const;
  std::vector<double> numbers() const;         // of a list of numbers
  std::vector<std::int64_t> integers() const;  // of a list of whole numbers

  // Readings of a key: without a default an absent key is an error.
  double number(const std::string& key) const { return at(key).number(); }
  double number(const std::string& key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  double positive(const std::string& key) const;
  double positive(const std::string& key, double otherwise) const { return has(key) ? positive(key) : otherwise; }
  double nonNegative(const std::string& key, double otherwise) const;
  double probability(const std::string& key, double otherwise) const;
  std::int64_t integer(const std::string& key) const { return at(key).integer(); }
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const {
    return has(key) ? integer(key) : otherwise;
  }
  /// A whole number of at least `least`.
  std::int64_t count(const std::string& key, std::int64_t least = 1) const;
  std::int64_t count(const std::string& key, std::int64_t least, std::int64_t otherwise) const {
    return has(key) ? count(key, least) : otherwise;
  }
  bool boolean(const std::string& key, bool otherwise) const { return has(key) ? at(key).boolean() : otherwise; }
  const std::string& text(const std::string& key) const { return at(key).text(); }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }
  const std::string& kind() const { return text("kind"); }
  /// The key `threads`: at least 1, defaultThreads() when it is not given.
  int threads() const;

  [[noreturn]] void invalid(const std::string& problem) const;

 private:
  const Value* value_;
  std::string path_;
};

}  // namespace langevin
