// Rows of numbers that several places of a tree share: a leaf is the edge, the ends and the draw of its run at once, and
// none of them is copied.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace langevin {

/// Gives rows of one length, and takes back those that nobody holds. Outlives everything it gives.
class NumbersPool {
 public:
  struct Row {
    std::size_t holders = 0;
    std::unique_ptr<double[]> numbers;
    NumbersPool* pool = nullptr;
  };

  explicit NumbersPool(std::size_t length) : length_(length) {}
  NumbersPool(const NumbersPool&) = delete;
  NumbersPool& operator=(const NumbersPool&) = delete;

  std::size_t length() const { return length_; }
  Row* take() {
    if (free_.empty()) {
      rows_.push_back(std::make_unique<Row>(Row{0, std::make_unique_for_overwrite<double[]>(length_), this}));
      free_.reserve(rows_.size());  // so that give() never allocates
      return rows_.back().get();
    }
    Row* row = free_.back();
    free_.pop_back();
    return row;
  }
  void give(Row* row) noexcept { free_.push_back(row); }  // the last one first: it is still in the cache

 private:
  std::size_t length_;
  std::vector<std::unique_ptr<Row>> rows_;
  std::vector<Row*> free_;
};

/// A row of a pool, or nothing. Copies share it; who wants to write makes a new one.
class Numbers {
 public:
  Numbers() = default;
  explicit Numbers(NumbersPool& pool) : row_(pool.take()) { row_->holders = 1; }
  Numbers(const Numbers& other) : row_(other.row_) {
    if (row_) ++row_->holders;
  }
  Numbers(Numbers&& other) noexcept : row_(std::exchange(other.row_, nullptr)) {}
  Numbers& operator=(Numbers other) noexcept {
    std::swap(row_, other.row_);
    return *this;
  }
  ~Numbers() {
    if (row_ && --row_->holders == 0) row_->pool->give(row_);
  }

  const double* data() const { return row_->numbers.get(); }
  double* data() { return row_->numbers.get(); }

 private:
  NumbersPool::Row* row_ = nullptr;
};

}  // namespace langevin
