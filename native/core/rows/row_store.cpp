#include "rows/row_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tensors/tensor.hpp"

namespace langevin {
namespace {

class TensorRows final : public RowStore {
 public:
  TensorRows(at::Tensor rows, Shape shape, at::TensorOptions options, double scale, double shift)
      : RowStore(std::move(shape), options, scale, shift), rows_(std::move(rows)) {}
  std::int64_t size() const override { return rows_.size(0); }
  at::ScalarType dtype() const override { return rows_.scalar_type(); }

 protected:
  at::Tensor stored(const at::Tensor& index) const override { return rowsAt(rows_, index); }
  at::Tensor stored(std::int64_t first, std::int64_t last) const override { return rows_.slice(0, first, last); }

 private:
  at::Tensor rows_;
};

at::ScalarType numpyType(const std::string& path, const std::string& name) {
  static constexpr std::pair<const char*, at::ScalarType> known[] = {
      {"f4", at::kFloat}, {"f8", at::kDouble}, {"f2", at::kHalf}, {"u1", at::kByte}, {"i1", at::kChar},
      {"i2", at::kShort}, {"i4", at::kInt},    {"i8", at::kLong}, {"b1", at::kBool}};
  if (name.size() == 3 && name[0] != '>')
    for (const auto& [text, type] : known)
      if (name.compare(1, 2, text) == 0) return type;
  throw Error(Code::Unsupported,
              path + ": rows of dtype '" + name +
                  "' cannot be read from the file as they are asked for; it takes little-endian f2, f4, f8, i1, i2, "
                  "i4, i8, u1 and b1. Convert the file, or read it whole with data.readNpy",
              {{"path", path}, {"dtype", name}});
}

// pread, not a mapping: a file that somebody shortens is an error then, not the end of the process, and the system keeps
// in memory what it has room for.
class FileRows final : public RowStore {
 public:
  FileRows(std::string path, at::ScalarType dtype, std::int64_t rows, std::int64_t offset, Shape shape,
           at::TensorOptions options, double scale, double shift)
      : RowStore(std::move(shape), options, scale, shift),
        path_(std::move(path)),
        dtype_(dtype),
        rows_(rows),
        offset_(offset),
        bytesPerRow_(this->shape().numel() * static_cast<std::int64_t>(c10::elementSize(dtype))) {
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ < 0) unreadable();
    struct stat status {};
    if (::fstat(file_, &status) != 0) {
      const int reason = errno;
      ::close(file_);
      errno = reason;
      unreadable();
    }
    if (offset_ + rows_ * bytesPerRow_ <= status.st_size) return;
    ::close(file_);
    tooShort(status.st_size);
  }
  ~FileRows() override { ::close(file_); }
  FileRows(const FileRows&) = delete;
  FileRows& operator=(const FileRows&) = delete;
  std::int64_t size() const override { return rows_; }
  at::ScalarType dtype() const override { return dtype_; }

 protected:
  at::Tensor stored(const at::Tensor& index) const override {
    const at::Tensor order = index.contiguous();
    at::Tensor found = at::empty({order.numel(), shape().numel()}, dtype_);
    auto* to = static_cast<char*>(found.mutable_data_ptr());
    for (std::int64_t i = 0; i < order.numel(); ++i, to += bytesPerRow_)
      read(to, order.const_data_ptr<std::int64_t>()[i], 1);
    return found;
  }
  at::Tensor stored(std::int64_t first, std::int64_t last) const override {
    at::Tensor found = at::empty({last - first, shape().numel()}, dtype_);
    read(static_cast<char*>(found.mutable_data_ptr()), first, last - first);
    return found;
  }

 private:
  [[noreturn]] void unreadable() const {
    throw Error(Code::Io, path_ + ": cannot be read: " + std::strerror(errno), {{"path", path_}});
  }
  [[noreturn]] void tooShort(std::int64_t end) const {
    throw Error(Code::Format,
                path_ + ": ends at byte " + std::to_string(end) + "; " + std::to_string(rows_) + " rows of " +
                    std::to_string(bytesPerRow_) + " bytes from byte " + std::to_string(offset_) + " on need " +
                    std::to_string(offset_ + rows_ * bytesPerRow_),
                {{"path", path_}, {"offset", end}});
  }
  void read(char* to, std::int64_t row, std::int64_t count) const {
    std::int64_t at = offset_ + row * bytesPerRow_;
    for (std::int64_t left = count * bytesPerRow_; left > 0;) {
      const ssize_t got = ::pread(file_, to, static_cast<std::size_t>(left), at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) unreadable();
      if (got == 0) tooShort(at);
      to += got;
      at += got;
      left -= got;
    }
  }

  std::string path_;
  at::ScalarType dtype_;
  std::int64_t rows_, offset_, bytesPerRow_;
  int file_ = -1;
};

}  // namespace

std::uint64_t hashBytes(const at::Tensor& tensor, std::uint64_t hash) {
  const at::Tensor t = tensor.to(at::kCPU).contiguous();
  const auto* bytes = static_cast<const unsigned char*>(t.const_data_ptr());
  std::size_t n = t.nbytes();
  while (n > 0) {
    std::uint64_t word = 0;
    const std::size_t take = n < 8 ? n : 8;
    std::memcpy(&word, bytes, take);
    hash = (hash ^ word) * 0x100000001B3ull;
    hash ^= hash >> 29;
    bytes += take;
    n -= take;
  }
  return hash;
}

std::uint64_t RowStore::hash(std::uint64_t hash) const {
  constexpr std::int64_t kRows = 4096;  // a multiple of 8: pieces hash as the whole does
  for (std::int64_t first = 0; first < size(); first += kRows)
    hash = hashBytes(stored(first, std::min(size(), first + kRows)), hash);
  return hashBytes(at::tensor({scale_, shift_}, at::kDouble), hash);
}

at::Tensor RowStore::converted(const at::Tensor& rows) const {
  at::Tensor x = rows.to(options_.device(), c10::typeMetaToScalarType(options_.dtype()));
  if (scale_ != 1) x = x * scale_;
  if (shift_ != 0) x = x + shift_;
  return x;
}

std::unique_ptr<RowStore> storeOf(const at::Tensor& rows, const Shape& shape, at::TensorOptions options, double scale,
                                  double shift) {
  const at::Tensor flat = asRows(rows, shape, rows.scalar_type(), at::kCPU, "x");
  return std::make_unique<TensorRows>(flat, shape, options, scale, shift);
}

std::unique_ptr<RowStore> storeOf(const std::string& path, const std::string& dtype, std::int64_t rows,
                                  std::int64_t offset, const Shape& shape, at::TensorOptions options, double scale,
                                  double shift) {
  return std::make_unique<FileRows>(path, numpyType(path, dtype), rows, offset, shape, options, scale, shift);
}

}  // namespace langevin
