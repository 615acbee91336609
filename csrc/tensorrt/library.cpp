// What TensorRT looks for in a library of plugins, and all that this one exports. Nothing registers itself while the
// library is loaded, so that it needs no symbol of TensorRT.
#include <NvInferRuntime.h>

#include <cstdint>

#include "tensorrt/logger.h"
#include "tensorrt/rasterize_plugin.h"

static_assert(NV_TENSORRT_MAJOR >= 10, "IPluginV3 came with TensorRT 10");

extern "C" {

/// The creators of this library's plugins, which live as long as it is loaded.
[[gnu::visibility("default")]] nvinfer1::IPluginCreatorInterface* const* getCreators(std::int32_t& count) {
  static rtgs2::tensorrt::RasterizeCreator rasterize;
  static nvinfer1::IPluginCreatorInterface* const creators[] = {&rasterize};
  count = 1;
  return creators;
}

/// Says whom to ask for the logger.
[[gnu::visibility("default")]] void setLoggerFinder(nvinfer1::ILoggerFinder* finder) {
  rtgs2::tensorrt::set_logger_finder(finder);
}
}
