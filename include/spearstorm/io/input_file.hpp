#pragma once
// A regular file opened for reading at any position: const and safe to share between threads.

#include "spearstorm/io/atomic_file.hpp"

namespace SPEARSTORM_NS::io {

/// @throws io_error where the file is missing, is no regular file, or cannot be read
class input_file {
 public:
  explicit input_file(std::filesystem::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat found = {};
    if (file_.get() < 0 || ::fstat(file_.get(), &found) != 0) fail_errno("input_file", "open", path_);
    if (!S_ISREG(found.st_mode)) fail<io_error>("input_file: '", path_.string(), "' is not a regular file");
    size_ = static_cast<std::uint64_t>(found.st_size);
  }

  std::filesystem::path const& path() const { return path_; }
  std::string name() const { return path_.string(); }
  std::uint64_t size() const { return size_; }

  /// Fills `out` from the byte `at` on.
  /// @throws io_error where the file ends before
  void read(std::uint64_t at, std::span<std::byte> out) const {
    while (!out.empty()) {
      ssize_t const done = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(at));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail_errno("input_file", "read", path_);
      if (done == 0) fail<io_error>("input_file: '", path_.string(), "' ends at byte ", at, ", expected ", out.size(), " more");
      out = out.subspan(static_cast<std::size_t>(done));
      at += static_cast<std::uint64_t>(done);
    }
  }

  /// The whole file, where it is no longer than `limit` bytes.
  /// @throws format_error where it is longer
  std::string text(std::uint64_t limit = std::uint64_t{1} << 32) const {
    if (size_ > limit) fail<format_error>("input_file: '", path_.string(), "' has ", size_, " bytes, expected at most ", limit);
    std::string content(static_cast<std::size_t>(size_), '\0');
    read(0, std::as_writable_bytes(std::span(content)));
    return content;
  }

 private:
  std::filesystem::path path_;
  descriptor file_;
  std::uint64_t size_ = 0;
};

}  // namespace SPEARSTORM_NS::io
