#include "rasterize/tiled_view.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel/parallel_for.h"
#include "rasterize/tile_spans.h"
#include "simd/instruction_set.h"
#include "splatting/spherical_harmonics.h"

namespace rtgs2::rasterize {
namespace {

/// Gaussians projected at a time; the visible ones of chunk i stand from i * kChunk on in the visible arrays.
constexpr std::int64_t kChunk = 4096;

/// Most parts that sorting and binning are cut into: each counts for itself.
constexpr int kMostParts = 32;

/// Part `part` of `parts` of [0, count).
struct Range {
  std::int64_t begin, end;
};
Range part_of(std::int64_t count, std::int64_t part, std::int64_t parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

}  // namespace

const Kernels& current_kernels() {
  const InstructionSet set = current_instruction_set();
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return avx512_kernels();
  if (set == InstructionSet::kAvx2) return avx2_kernels();
#endif
  static_cast<void>(set);
  return baseline_kernels();
}

WorkspacePool& workspace_pool() {
  static WorkspacePool pool;
  return pool;
}

void check_view(const GaussianArrays& gaussians, const splatting::Camera& camera) {
  if (camera.width < 0 || camera.height < 0 || camera.width > kMaxImageSide || camera.height > kMaxImageSide) {
    throw std::invalid_argument("an image of " + std::to_string(camera.width) + " x " + std::to_string(camera.height) +
                                " pixels cannot be drawn: use 0 to " + std::to_string(kMaxImageSide) + " a side");
  }
  if (gaussians.count < 0 || gaussians.count > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument(std::to_string(gaussians.count) + " Gaussians cannot be drawn: use at most 2^32 - 1");
  }
  if (!splatting::is_sh_count(gaussians.sh_count)) {
    throw std::invalid_argument(std::to_string(gaussians.sh_count) +
                                " spherical-harmonics coefficients: use 1, 4, 9 or 16 (degree 0 to 3)");
  }
  if (gaussians.feature_channels < 0) throw std::invalid_argument("the number of feature channels is negative");
}

TiledView::TiledView(const GaussianArrays& gaussians, const View& view, const Kernels& kernels, int threads,
                     Workspace& workspace)
    : gaussians_(gaussians),
      view_(view),
      kernels_(kernels),
      threads_(resolve_thread_count(threads)),
      work_(workspace),
      tiles_(std::size_t{static_cast<unsigned>(view.columns)} * static_cast<unsigned>(view.rows)) {}

void TiledView::project() {
  const auto count = static_cast<std::size_t>(gaussians_.count);
  visible_ = {work_.ellipses.reserve(count), work_.base.reserve(kBaseChannels * count), work_.indices.reserve(count),
              work_.tiles.reserve(count)};
  work_.visible_counts.assign(static_cast<std::size_t>((gaussians_.count + kChunk - 1) / kChunk), 0);
  parallel_for(gaussians_.count, kChunk, threads_, [&](std::int64_t begin, std::int64_t end) {
    const VisibleArrays chunk{visible_.ellipses + begin, visible_.base + kBaseChannels * begin,
                              visible_.indices + begin, visible_.tiles + begin};
    work_.visible_counts[static_cast<std::size_t>(begin / kChunk)] =
        kernels_.project(gaussians_, view_, begin, end, chunk);
  });
}

// A stable radix sort of the depths' bits, which are ordered like the depths since these are positive.
void TiledView::sort_by_depth() {
  const auto chunks = static_cast<std::int64_t>(work_.visible_counts.size());
  std::vector<std::int64_t> starts(work_.visible_counts.size() + 1, 0);
  std::partial_sum(work_.visible_counts.begin(), work_.visible_counts.end(), starts.begin() + 1);
  visible_count_ = starts.back();
  entries_ = work_.entries.reserve(static_cast<std::size_t>(visible_count_));
  std::vector<std::int64_t> pairs(work_.visible_counts.size(), 0);
  parallel_for(chunks, 1, threads_, [&](std::int64_t chunk, std::int64_t) {
    const auto c = static_cast<std::size_t>(chunk);
    DepthEntry* entries = entries_ + starts[c];
    for (std::int64_t i = 0; i < work_.visible_counts[c]; ++i) {
      const std::int64_t member = chunk * kChunk + i;
      entries[i] = {std::bit_cast<std::uint32_t>(visible_.ellipses[member].depth), static_cast<std::uint32_t>(member)};
      const SmallTileRectangle& tiles = visible_.tiles[member];
      pairs[c] += std::int64_t{tiles.right - tiles.left} * (tiles.bottom - tiles.top);
    }
  });
  check_pairs(std::accumulate(pairs.begin(), pairs.end(), std::int64_t{0}));

  constexpr unsigned kDigitBits = 11;
  DepthEntry* sorted = work_.sorted_entries.reserve(static_cast<std::size_t>(visible_count_));
  for (unsigned shift = 0; shift < 32; shift += kDigitBits) {
    if (sort_by_digit<kDigitBits>(shift, sorted)) std::swap(entries_, sorted);
  }
}

void TiledView::list_tiles() {
  const std::int64_t parts = part_count();
  work_.tile_counts.assign(static_cast<std::size_t>(parts) * tiles_, 0);
  if (work_.spans.size() < static_cast<std::size_t>(parts)) work_.spans.resize(static_cast<std::size_t>(parts));
  parallel_for(parts, 1, threads_, [&](std::int64_t part, std::int64_t) { find_spans(part, parts); });

  work_.tile_starts.resize(tiles_ + 1);
  std::int64_t next = 0;
  for (std::size_t tile = 0; tile < tiles_; ++tile) {
    work_.tile_starts[tile] = next;
    for (std::size_t part = 0; part < static_cast<std::size_t>(parts); ++part) {
      std::int64_t& count = work_.tile_counts[part * tiles_ + tile];
      const std::int64_t start = next;
      next += count;
      count = start;
    }
  }
  work_.tile_starts[tiles_] = next;

  std::uint32_t* members = work_.members.reserve(static_cast<std::size_t>(next));
  parallel_for(parts, 1, threads_, [&](std::int64_t part, std::int64_t) {
    std::int64_t* write = work_.tile_counts.data() + static_cast<std::size_t>(part) * tiles_;
    for (const TileSpan& span : work_.spans[static_cast<std::size_t>(part)]) {
      for (std::int64_t tile = first_tile(span) + span.left; tile < first_tile(span) + span.right; ++tile) {
        members[write[tile]++] = span.member;
      }
    }
  });
}

/// Into how many parts sorting and binning are cut: not so many that counting costs more than the work.
std::int64_t TiledView::part_count() const {
  constexpr std::int64_t kLeastPart = 8192;
  return std::clamp<std::int64_t>(visible_count_ / kLeastPart, 1, std::min(threads_, kMostParts));
}

void TiledView::check_pairs(std::int64_t pairs) const {
  if (pairs <= kMaxTilePairs) return;
  throw std::length_error(std::to_string(visible_count_) + " visible Gaussians touch " + std::to_string(pairs) +
                          " tiles, counted once each, and at most " + std::to_string(kMaxTilePairs) +
                          " can be listed: check that the scales are linear (not logarithms) and in the unit of the "
                          "means, or draw a smaller image");
}

/// One pass of the radix sort from entries_ to `sorted`; false if there is nothing to do.
template <unsigned kDigitBits>
bool TiledView::sort_by_digit(unsigned shift, DepthEntry* sorted) {
  constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
  const std::int64_t parts = part_count();
  work_.digit_counts.assign(static_cast<std::size_t>(parts) * kDigits, 0);
  const auto digit = [shift](const DepthEntry& entry) { return (entry.key >> shift) & (kDigits - 1); };
  const auto counts_of = [&](std::int64_t part) {
    return work_.digit_counts.data() + static_cast<std::size_t>(part) * kDigits;
  };
  parallel_for(parts, 1, threads_, [&](std::int64_t part, std::int64_t) {
    std::uint32_t* counts = counts_of(part);
    const auto [begin, end] = part_of(visible_count_, part, parts);
    for (std::int64_t i = begin; i < end; ++i) ++counts[digit(entries_[i])];
  });
  std::uint32_t next = 0;
  for (std::size_t d = 0; d < kDigits; ++d) {
    const std::uint32_t before = next;
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::uint32_t count = counts_of(part)[d];
      counts_of(part)[d] = next;
      next += count;
    }
    if (next - before == static_cast<std::uint32_t>(visible_count_)) return false;  // all have this digit
  }
  parallel_for(parts, 1, threads_, [&](std::int64_t part, std::int64_t) {
    std::uint32_t* write = counts_of(part);
    const auto [begin, end] = part_of(visible_count_, part, parts);
    for (std::int64_t i = begin; i < end; ++i) sorted[write[digit(entries_[i])]++] = entries_[i];
  });
  return true;
}

/// Spans of the part's Gaussians in order of depth, and how many there are of each tile.
void TiledView::find_spans(std::int64_t part, std::int64_t parts) {
  constexpr std::int64_t kAhead = 16;
  std::vector<TileSpan>& spans = work_.spans[static_cast<std::size_t>(part)];
  spans.clear();
  std::int64_t* counts = work_.tile_counts.data() + static_cast<std::size_t>(part) * tiles_;
  const auto [begin, end] = part_of(visible_count_, part, parts);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint32_t ahead = entries_[std::min(i + kAhead, end - 1)].member;
    __builtin_prefetch(visible_.ellipses + ahead);
    __builtin_prefetch(visible_.tiles + ahead);
    const std::uint32_t member = entries_[i].member;
    for_each_tile_span(visible_.ellipses[member], visible_.tiles[member], [&](int row, int left, int right) {
      spans.push_back({member, static_cast<std::uint16_t>(row), static_cast<std::uint16_t>(left),
                       static_cast<std::uint16_t>(right)});
      for (std::int64_t tile = first_tile(spans.back()) + left; tile < first_tile(spans.back()) + right; ++tile) {
        ++counts[tile];
      }
    });
  }
}

}  // namespace rtgs2::rasterize
