#pragma once
// A file appears whole or not at all: written under a temporary name beside its target, synced, renamed, folder synced.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::io {

/// `safetensors: cannot open 'a/b': No such file or directory`
/// @throws io_error always
[[noreturn]] inline void fail_errno(std::string_view function, std::string_view action, std::filesystem::path const& path,
                                    int code = errno) {
  fail<io_error>(function, ": cannot ", action, " '", path.string(), "': ", std::generic_category().message(code));
}

/// Owns a POSIX file descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& from) noexcept : number_(std::exchange(from.number_, -1)) {}
  descriptor& operator=(descriptor&& from) noexcept {
    std::swap(number_, from.number_);
    return *this;
  }
  ~descriptor() { close(); }

  int get() const { return number_; }
  /// What close() returned; a delayed write error shows up here.
  int close() { return number_ < 0 ? 0 : ::close(std::exchange(number_, -1)); }

 private:
  int number_ = -1;
};

/// Collects a file's content; `commit` makes it visible. Without `commit` the destructor removes the temporary file and the old file stays.
/// A link is followed, and the permissions of the file replaced are kept.
/// @throws io_error with path and the system's text; the old file is intact then
class atomic_file {
 public:
  explicit atomic_file(std::filesystem::path target)
      : target_(std::filesystem::is_symlink(target) ? std::filesystem::canonical(target) : std::move(target)) {
    static std::atomic<unsigned> count{0};
    do {  // the number keeps threads apart, the process id processes; O_EXCL settles what is left
      temporary_ = target_;
      temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
      file_ = descriptor(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (file_.get() < 0 && errno == EEXIST);
    if (file_.get() < 0) fail_errno("atomic_file", "create", temporary_);
    struct stat old = {};
    if (::stat(target_.c_str(), &old) == 0) (void)!::fchmod(file_.get(), old.st_mode & 07777);
  }
  atomic_file(atomic_file const&) = delete;
  atomic_file& operator=(atomic_file const&) = delete;
  ~atomic_file() {
    if (!committed_) ::unlink(temporary_.c_str());
  }

  /// For libraries that write by descriptor; it stays ours to close.
  int handle() const { return file_.get(); }

  void write(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      ssize_t const done = ::write(file_.get(), bytes.data(), bytes.size());
      if (done < 0 && errno != EINTR) fail_errno("atomic_file", "write", target_);
      if (done > 0) bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  void commit() {
    if (::fsync(file_.get()) != 0) fail_errno("atomic_file", "sync", target_);
    if (file_.close() != 0) fail_errno("atomic_file", "close", target_);
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_errno("atomic_file", "rename to", target_);
    committed_ = true;
    std::filesystem::path const folder = target_.has_parent_path() ? target_.parent_path() : std::filesystem::path(".");
    descriptor const entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (entry.get() < 0) fail_errno("atomic_file", "open the folder of", target_);
    if (::fsync(entry.get()) != 0 && errno != EINVAL)
      fail_errno("atomic_file", "sync the folder of", target_);  // EINVAL: a file system without it
  }

 private:
  std::filesystem::path target_, temporary_;
  descriptor file_;
  bool committed_ = false;
};

/// The whole content at once.
inline void write_atomically(std::filesystem::path const& target, std::span<std::byte const> bytes) {
  atomic_file file(target);
  file.write(bytes);
  file.commit();
}
inline void write_atomically(std::filesystem::path const& target, std::string_view text) {
  write_atomically(target, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace SPEARSTORM_NS::io
