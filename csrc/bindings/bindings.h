// What the Python module rtgs2_trt._native is assembled from: one function an op.
#pragma once

#include <nanobind/nanobind.h>

namespace rtgs2::bindings {

void bind_argmax(nanobind::module_& module);
void bind_instruction_set(nanobind::module_& module);
void bind_lift(nanobind::module_& module);
void bind_plan(nanobind::module_& module);
void bind_ply(nanobind::module_& module);
void bind_rasterize(nanobind::module_& module);
void bind_scene_files(nanobind::module_& module);

}  // namespace rtgs2::bindings
