#include "tensorrt/logger.h"

#include <atomic>
#include <cstdio>

namespace rtgs2::tensorrt {
namespace {

std::atomic<nvinfer1::ILoggerFinder*> finder{nullptr};

}  // namespace

void set_logger_finder(nvinfer1::ILoggerFinder* new_finder) noexcept { finder = new_finder; }

void log(ILogger::Severity severity, const char* where, const char* what) noexcept {
  nvinfer1::ILoggerFinder* const current = finder;
  if (current == nullptr) return;
  char text[2000];  // no allocation: memory may be what lacks
  std::snprintf(text, sizeof(text), "RtgsRasterizeGaussians: %s: %s", where, what);
  try {
    ILogger* const logger = current->findLogger();
    if (logger != nullptr) logger->log(severity, text);
  } catch (...) {  // there is nobody left to tell
  }
}

}  // namespace rtgs2::tensorrt
