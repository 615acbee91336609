#include "bindings/bindings.h"

NB_MODULE(_native, module) {
  module.doc() = "The C++ core of rtgs2_trt. Use the functions of the package, which check their arguments.";
  rtgs2::bindings::bind_argmax(module);
  rtgs2::bindings::bind_instruction_set(module);
  rtgs2::bindings::bind_lift(module);
  rtgs2::bindings::bind_plan(module);
  rtgs2::bindings::bind_ply(module);
  rtgs2::bindings::bind_rasterize(module);
  rtgs2::bindings::bind_scene_files(module);
}
