// DLPack's structures, written down from its specification (version 1.0 and the one before): how array libraries hand
// memory to each other.
#pragma once

#include <cstdint>

namespace rtgs2::dlpack {

enum DeviceType : std::int32_t { kCpu = 1, kCuda = 2, kCudaHost = 3, kCudaManaged = 13 };
enum TypeCode : std::uint8_t { kInt = 0, kUInt = 1, kFloat = 2 };

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t dimensions;
  DataType type;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null: C order
  std::uint64_t byte_offset;
};

/// In a capsule named "dltensor"; whoever takes it renames the capsule to "used_dltensor".
struct ManagedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};

/// In a capsule named "dltensor_versioned", taken as "used_dltensor_versioned".
struct VersionedTensor {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(VersionedTensor*);
  std::uint64_t flags;  // bit 0: read only, bit 1: a copy
  Tensor tensor;
};

}  // namespace rtgs2::dlpack
