// Memory that the rasteriser keeps from frame to frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "rasterize/kernels.h"

namespace rtgs2::rasterize {

/// Memory for values that are written before they are read; grows and never shrinks. Aligned to cache lines.
template <typename T>
class Buffer {
 public:
  /// Room for `size` values; what was there is lost if it has to grow.
  T* reserve(std::size_t size) {
    if (size > capacity_) {
      values_.reset();
      capacity_ = 0;
      values_.reset(static_cast<T*>(::operator new(size * sizeof(T), kAlignment)));
      capacity_ = size;
    }
    return values_.get();
  }

  T* data() const { return values_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* values) const { ::operator delete(values, kAlignment); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t capacity_ = 0;
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
};

/// Lends workspaces; several views may be drawn at the same time.
class WorkspacePool {
 public:
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

 private:
  /// Callers that draw at the same time, of whom more than this many start from scratch.
  static constexpr std::size_t kMostIdle = 8;

  void take_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(workspace));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_ = [] {
    std::vector<std::unique_ptr<Workspace>> room;
    room.reserve(kMostIdle);  // so that taking back never throws
    return room;
  }();
};

}  // namespace rtgs2::rasterize
