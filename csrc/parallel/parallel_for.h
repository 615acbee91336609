// Work shared among threads in a way that cannot change results: the caller's
// function is called once for every index, and each call writes to places of its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace rtgs2 {

/// Number of threads to use for a caller's wish; 0 or less means all that the machine has.
inline int resolve_thread_count(int wish) {
  if (wish > 0) return wish;
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

/// Calls `function(worker, begin, end)` on consecutive chunks that cover [0, count), from at most `threads` threads
/// (the caller's among them); `worker`, below resolve_thread_count(threads), tells those that run at the same time
/// apart. The first exception is thrown again here.
template <typename Function>
void parallel_for_workers(std::int64_t count, std::int64_t chunk, int threads, const Function& function) {
  if (count <= 0) return;
  chunk = std::max<std::int64_t>(1, chunk);
  const std::int64_t chunks = (count + chunk - 1) / chunk;
  const auto workers = std::min<std::int64_t>(resolve_thread_count(threads), chunks);

  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&](std::int64_t worker) {
    try {
      for (std::int64_t i = next++; i < chunks; i = next++) {
        function(worker, i * chunk, std::min(count, (i + 1) * chunk));
      }
    } catch (...) {
      next = chunks;
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };

  {
    std::vector<std::jthread> pool;
    pool.reserve(static_cast<std::size_t>(workers - 1));
    try {
      for (std::int64_t i = 1; i < workers; ++i) pool.emplace_back(work, i);
    } catch (const std::system_error&) {
      // The machine grants no more threads: those that run do all the work.
    }
    work(0);
  }
  if (failure) std::rethrow_exception(failure);
}

/// The same where the worker does not matter: calls `function(begin, end)`.
template <typename Function>
void parallel_for(std::int64_t count, std::int64_t chunk, int threads, const Function& function) {
  parallel_for_workers(count, chunk, threads,
                       [&](std::int64_t, std::int64_t begin, std::int64_t end) { function(begin, end); });
}

}  // namespace rtgs2
