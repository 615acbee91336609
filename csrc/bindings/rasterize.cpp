#include "bindings/bindings.h"

namespace rtgs2::bindings {

void bind_rasterize(nanobind::module_&) {}

}  // namespace rtgs2::bindings
