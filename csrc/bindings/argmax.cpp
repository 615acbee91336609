#include "bindings/bindings.h"

namespace rtgs2::bindings {

void bind_argmax(nanobind::module_&) {}

}  // namespace rtgs2::bindings
