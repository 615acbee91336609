// Runs CUDA kernels on the host: a block is a thread of the system, its CUDA threads take turns in it as fibres, in an
// order that changes from round to round. Shared memory is memory of the system's thread. A CUDA thread gives way where
// it waits for others, so that a missing barrier is seen as a wrong result, and one that cannot be passed as an error.
#pragma once

#include <ucontext.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

namespace on_host {

struct Index {
  unsigned x = 0, y = 0, z = 0;
};

/// Threads that exchange values; all of them take part in each exchange.
struct Group {
  static constexpr std::size_t kMostBytes = 64;  // of a value

  explicit Group(std::size_t size) : size(size), given(size * kMostBytes), taken(size * kMostBytes) {}

  std::size_t size, arrived = 0;
  std::uint64_t exchanges = 0;
  std::vector<std::byte> given, taken;
};

class Block {
 public:
  Block(std::size_t threads, Index index, Index grid, const std::function<void()>& kernel, unsigned seed)
      : index_(index), grid_(grid), kernel_(kernel), random_(seed), all_(threads) {
    for (std::size_t i = 0; i < threads; i += 32) warps_.emplace_back(threads - i < 32 ? threads - i : 32);
    fibres_.resize(threads);
  }

  /// Runs all threads of the block to their end.
  void run() {
    now() = this;
    static thread_local std::vector<std::unique_ptr<std::byte[]>> stacks;  // for the next block too
    for (std::size_t i = 0; i < fibres_.size(); ++i) {
      if (i == stacks.size()) stacks.push_back(std::make_unique_for_overwrite<std::byte[]>(kStackBytes));
      Fibre& fibre = fibres_[i];
      getcontext(&fibre.context);
      fibre.context.uc_stack.ss_sp = stacks[i].get();
      fibre.context.uc_stack.ss_size = kStackBytes;
      fibre.context.uc_link = &scheduler_;
      makecontext(&fibre.context, &Block::enter, 0);
    }
    for (std::size_t left = fibres_.size(); left > 0;) {
      const std::size_t first = random_() % fibres_.size();
      progress_ = false;
      for (std::size_t i = 0; i < fibres_.size(); ++i) {
        current_ = (first + i) % fibres_.size();
        Fibre& fibre = fibres_[current_];
        if (fibre.done || (fibre.group != nullptr && fibre.group->exchanges == fibre.seen)) continue;
        swapcontext(&scheduler_, &fibre.context);
        left -= fibre.done ? 1 : 0;
        progress_ |= fibre.done;
      }
      if (!progress_) fail("threads wait for others that never come");
    }
    now() = nullptr;
  }

  static Block*& now() {
    static thread_local Block* block = nullptr;
    return block;
  }

  Index thread() const { return {static_cast<unsigned>(current_), 0, 0}; }
  Index index() const { return index_; }
  Index grid() const { return grid_; }
  std::size_t lane() const { return current_ % 32; }
  Group& warp() { return warps_[current_ / 32]; }
  Group& all() { return all_; }

  /// Gives way to the other threads, because another block must go on first.
  void wait_for_other_blocks() {
    progress_ = true;
    std::this_thread::yield();
    give_way();
  }

  /// Waits until all threads of the group have given a value; then `value_of(i)` is that of thread i.
  template <typename T, typename Use>
  auto exchange(Group& group, const T& value, const Use& use) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= Group::kMostBytes);
    const std::size_t place = &group == &all_ ? current_ : lane();
    std::memcpy(group.given.data() + place * Group::kMostBytes, &value, sizeof(T));
    const std::uint64_t before = group.exchanges;
    if (++group.arrived == group.size) {
      group.arrived = 0;
      group.taken = group.given;
      ++group.exchanges;
      progress_ = true;
    }
    if (group.exchanges == before) {
      fibres_[current_].group = &group;
      fibres_[current_].seen = before;
      give_way();
      fibres_[current_].group = nullptr;
    }
    return use([&group](std::size_t i) {
      T result;
      std::memcpy(&result, group.taken.data() + i * Group::kMostBytes, sizeof(T));
      return result;
    });
  }

  /// Copies that the current thread has started and not waited for.
  struct Copy {
    void* to;
    const void* from;
  };
  std::vector<Copy>& copies() { return fibres_[current_].copies; }

 private:
  static constexpr std::size_t kStackBytes = std::size_t{1} << 16;

  struct Fibre {
    ucontext_t context;
    std::vector<Copy> copies;
    const Group* group = nullptr;  // that it waits for, since so many exchanges
    std::uint64_t seen = 0;
    bool done = false;
  };

  static void enter() {
    Block* block = now();
    block->kernel_();
    block->fibres_[block->current_].done = true;
  }
  void give_way() { swapcontext(&fibres_[current_].context, &scheduler_); }
  [[noreturn]] static void fail(const char* problem) {
    std::fprintf(stderr, "kernel on the host: %s\n", problem);
    std::abort();
  }

  Index index_, grid_;
  const std::function<void()>& kernel_;
  std::minstd_rand random_;
  Group all_;
  std::vector<Group> warps_;
  std::vector<Fibre> fibres_;
  ucontext_t scheduler_;
  std::size_t current_ = 0;
  bool progress_ = false;
};

/// Runs a grid, a few blocks at a time, as a GPU would start them: in order.
inline void run_grid(Index grid, std::size_t threads, const std::function<void()>& kernel) {
  constexpr unsigned kBlocksAtOnce = 4;
  const unsigned blocks = grid.x * grid.y;
  std::atomic<unsigned> next{0};
  std::vector<std::jthread> workers;
  for (unsigned worker = 0; worker < kBlocksAtOnce && worker < blocks; ++worker) {
    workers.emplace_back([&] {
      for (unsigned i = next++; i < blocks; i = next++) {
        Block(threads, {i % grid.x, i / grid.x, 0}, grid, kernel, i + 1).run();
      }
    });
  }
}

}  // namespace on_host
