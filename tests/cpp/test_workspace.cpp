#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "check.h"
#include "rasterize/workspace.h"

namespace {

using rtgs2::rasterize::Workspace;
using rtgs2::rasterize::WorkspacePool;

TEST(workspaces_are_used_again) {
  WorkspacePool pool;
  const std::byte* first = nullptr;
  {
    const auto lease = pool.lend();
    first = (*lease).scratch.reserve(1000);
  }
  CHECK(pool.idle_bytes() == 1000);
  const auto lease = pool.lend();
  CHECK((*lease).scratch.data() == first);
  CHECK(pool.idle_bytes() == 0);
}

TEST(all_memory_of_a_workspace_is_counted) {
  Workspace workspace;
  CHECK(workspace.bytes() == 0);
  workspace.entries.reserve(10);
  workspace.spans.resize(1);
  workspace.spans[0].reserve(100);
  workspace.tile_counts.reserve(1000);
  CHECK(workspace.bytes() == 10 * sizeof(rtgs2::rasterize::DepthEntry) + sizeof(workspace.spans[0]) +
                                 100 * sizeof(rtgs2::rasterize::TileSpan) + 8000);
}

TEST(what_a_much_larger_scene_took_is_not_kept) {
  WorkspacePool pool(10'000);
  for (const auto& [size, kept] : {std::pair{4000, 4000}, {1000, 4000}, {999, 0}, {100, 100}, {1, 100}}) {
    const auto reserve = [&](const auto& lease) { (*lease).scratch.reserve(static_cast<std::size_t>(size)); };
    reserve(pool.lend());
    CHECK(pool.idle_bytes() == static_cast<std::size_t>(kept));  // what is small anyway stays
  }
}

TEST(no_more_than_eight_workspaces_idle) {
  WorkspacePool pool;
  {
    std::vector<std::unique_ptr<WorkspacePool::Lease>> leases;
    for (int i = 0; i < 12; ++i) {
      leases.push_back(std::unique_ptr<WorkspacePool::Lease>(new WorkspacePool::Lease(pool.lend())));
      (**leases.back()).scratch.reserve(100);
    }
    CHECK(pool.idle_bytes() == 0);
  }
  CHECK(pool.idle_bytes() == 800);
}

TEST(idle_workspaces_hold_no_more_than_the_bound) {
  WorkspacePool pool(10'000);
  {
    const auto small = pool.lend(), large = pool.lend(), middle = pool.lend();
    (*small).scratch.reserve(3000);
    (*large).scratch.reserve(6000);
    (*middle).scratch.reserve(4000);
  }
  CHECK(pool.idle_bytes() == 7000);  // the largest went
  {
    const auto lease = pool.lend();
    (*lease).scratch.reserve(10'001);
  }
  CHECK(pool.idle_bytes() <= 4000);  // it would be more than the bound alone
  CHECK(pool.idle_bytes() >= 3000);
}

}  // namespace
