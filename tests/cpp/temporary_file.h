// A file for the core's tests.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

/// A file of its own that is gone when the test ends; its first `start` bytes are a header's.
class TemporaryFile {
 public:
  TemporaryFile(const std::vector<std::byte>& bytes, std::size_t start) : file_(std::tmpfile()) {
    if (!file_) throw std::runtime_error("no temporary file");
    const std::vector<std::byte> header(start, std::byte{'#'});
    if (std::fwrite(header.data(), 1, start, file_.get()) != start ||
        std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() || std::fflush(file_.get()) != 0) {
      throw std::runtime_error("cannot write a temporary file");
    }
  }
  int descriptor() const { return ::fileno(file_.get()); }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};
