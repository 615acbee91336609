// Memory that the rasteriser keeps from frame to frame.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "rasterize/kernels.h"

namespace rtgs2::rasterize {

/// Memory for values that are written before they are read; grows and never shrinks while it lives. Aligned to cache
/// lines.
template <typename T>
class Buffer {
 public:
  /// Room for `size` values; what was there is lost if it has to grow.
  T* reserve(std::size_t size) {
    needed_ = size;
    if (size > capacity_) {
      values_.reset();
      capacity_ = 0;
      values_.reset(static_cast<T*>(::operator new(size * sizeof(T), kAlignment)));
      capacity_ = size;
    }
    return values_.get();
  }

  T* data() const { return values_.get(); }

  std::size_t bytes() const { return capacity_ * sizeof(T); }
  std::size_t needed_bytes() const { return needed_ * sizeof(T); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* values) const { ::operator delete(values, kAlignment); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t capacity_ = 0;
  std::size_t needed_ = 0;
};

/// A Gaussian in the order of depth.
struct DepthEntry {
  std::uint32_t key;     // bits of the depth
  std::uint32_t member;  // where it stands in the visible arrays
};

/// Neighbouring tiles of one row that a Gaussian reaches.
struct TileSpan {
  std::uint32_t member;
  std::uint16_t row, left, right;
};

/// All memory of one view that is being drawn.
struct Workspace {
  Buffer<Ellipse> ellipses;
  Buffer<float> base;
  Buffer<std::uint32_t> indices;
  Buffer<SmallTileRectangle> tiles;
  Buffer<DepthEntry> entries, sorted_entries;
  std::vector<std::int64_t> visible_counts;  // by chunk of Gaussians
  std::vector<std::uint32_t> digit_counts;   // (parts, digits)
  std::vector<std::vector<TileSpan>> spans;  // by part of the depth order
  std::vector<std::int64_t> tile_counts;     // (parts, tiles); then where each part writes next
  std::vector<std::int64_t> tile_starts;     // (tiles + 1)
  std::vector<std::int32_t> tile_order;      // longest first
  Buffer<std::uint32_t> members;
  Buffer<std::byte> scratch;
  Buffer<float> lifted;  // rows of sums of some tiles' Gaussians

  /// Bytes that it holds.
  std::size_t bytes() const {
    return bytes_of_vectors() + ellipses.bytes() + base.bytes() + indices.bytes() + tiles.bytes() + entries.bytes() +
           sorted_entries.bytes() + members.bytes() + scratch.bytes() + lifted.bytes();
  }

  /// How many of them the last view needed.
  std::size_t needed_bytes() const {
    return bytes_of_vectors() + ellipses.needed_bytes() + base.needed_bytes() + indices.needed_bytes() +
           tiles.needed_bytes() + entries.needed_bytes() + sorted_entries.needed_bytes() + members.needed_bytes() +
           scratch.needed_bytes() + lifted.needed_bytes();
  }

 private:
  template <typename T>
  static std::size_t bytes_of(const std::vector<T>& values) {
    return values.capacity() * sizeof(T);
  }

  std::size_t bytes_of_vectors() const {
    std::size_t sum = bytes_of(visible_counts) + bytes_of(digit_counts) + bytes_of(spans) + bytes_of(tile_counts) +
                      bytes_of(tile_starts) + bytes_of(tile_order);
    for (const auto& part : spans) sum += bytes_of(part);
    return sum;
  }
};

/// What idle workspaces may hold together: one of a scene of 10 million Gaussians takes 0.76 GB.
inline constexpr std::size_t kMostIdleBytes = std::size_t{1} << 30;

/// Lends workspaces; several views may be drawn at the same time. What idles is bounded in number and in memory, so
/// that neither many callers nor one huge scene leave memory behind for good.
class WorkspacePool {
 public:
  /// `most_idle_bytes`: of what idles together; the largest go first.
  explicit WorkspacePool(std::size_t most_idle_bytes = kMostIdleBytes) : most_idle_bytes_(most_idle_bytes) {}

  class Lease {
   public:
    Lease(WorkspacePool& pool, std::unique_ptr<Workspace> workspace) : pool_(pool), workspace_(std::move(workspace)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_.take_back(std::move(workspace_)); }
    Workspace& operator*() const { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<Workspace> workspace_;
  };

  Lease lend() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto workspace = std::move(idle_.back());
        idle_.pop_back();
        return {*this, std::move(workspace)};
      }
    }
    return {*this, std::make_unique<Workspace>()};
  }

  /// Memory of the workspaces that nobody uses.
  std::size_t idle_bytes() const {
    const std::lock_guard lock(mutex_);
    return sum_idle();
  }

 private:
  /// Callers that draw at the same time, of whom more than this many start from scratch.
  static constexpr std::size_t kMostIdle = 8;

  void take_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() == kMostIdle) return;
    const std::size_t bytes = workspace->bytes();
    if (bytes > most_idle_bytes_ / 16 && workspace->needed_bytes() < bytes / 4) return;  // a much larger scene's
    idle_.push_back(std::move(workspace));
    while (sum_idle() > most_idle_bytes_) {
      idle_.erase(std::max_element(idle_.begin(), idle_.end(),
                                   [](const auto& a, const auto& b) { return a->bytes() < b->bytes(); }));
    }
  }

  std::size_t sum_idle() const {
    std::size_t sum = 0;
    for (const auto& workspace : idle_) sum += workspace->bytes();
    return sum;
  }

  std::size_t most_idle_bytes_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_ = [] {
    std::vector<std::unique_ptr<Workspace>> room;
    room.reserve(kMostIdle);  // so that taking back never throws
    return room;
  }();
};

}  // namespace rtgs2::rasterize
