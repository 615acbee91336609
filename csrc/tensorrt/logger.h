// What the library says, to the logger that TensorRT gave it. No exception leaves a method that TensorRT calls.
#pragma once

#include <NvInferRuntime.h>

#include <exception>

namespace rtgs2::tensorrt {

using nvinfer1::ILogger;

/// Whom to ask for the logger; null for nobody, then nothing is said.
void set_logger_finder(nvinfer1::ILoggerFinder* finder) noexcept;

/// Says "RtgsRasterizeGaussians: `where`: `what`" to the logger of the calling thread; at most 2000 characters.
void log(ILogger::Severity severity, const char* where, const char* what) noexcept;

/// What `body` returns; `failure` if it throws, which is logged as an error. `method` is what TensorRT called.
template <typename Result, typename Body>
Result guarded(const char* method, Result failure, const Body& body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    log(ILogger::Severity::kERROR, method, error.what());
  } catch (...) {
    log(ILogger::Severity::kERROR, method, "an unknown exception");
  }
  return failure;
}

}  // namespace rtgs2::tensorrt
