#include "bindings/cuda/dlpack.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings/cuda/bindings.h"
#include "cuda/error.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

constexpr const char* kName = "dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";

/// What a capsule of ours keeps alive until its reader is done.
template <typename Managed>
struct Held {
  Managed managed{};
  std::vector<std::int64_t> shape;
  PyObject* owner = nullptr;
};

template <typename Managed>
void release(Managed* managed) {
  auto* held = static_cast<Held<Managed>*>(managed->context);
  if (Py_IsInitialized() != 0) {  // a reader may outlive the interpreter
    const nb::gil_scoped_acquire acquire;
    Py_DECREF(held->owner);
  }
  delete held;
}

/// A capsule that nobody took gives its tensor back itself.
template <typename Managed>
void end_capsule(PyObject* capsule, const char* name) {
  if (PyCapsule_IsValid(capsule, name) == 0) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

dlpack::Device device_of(const void* address) {
  cudaPointerAttributes attributes{};
  cuda::check(cudaPointerGetAttributes(&attributes, address), "asking where an array lies");
  switch (attributes.type) {
    case cudaMemoryTypeDevice:
      return {dlpack::kCuda, attributes.device};
    case cudaMemoryTypeHost:
      return {dlpack::kCudaHost, attributes.device};
    case cudaMemoryTypeManaged:
      return {dlpack::kCudaManaged, attributes.device};
    default:
      return {dlpack::kCpu, 0};
  }
}

template <typename Managed>
nb::object capsule_of(const dlpack::Tensor& tensor, std::vector<std::int64_t> shape, nb::handle owner, const char* name,
                      PyCapsule_Destructor destructor) {
  auto held = std::make_unique<Held<Managed>>();
  held->shape = std::move(shape);
  held->managed.tensor = tensor;
  held->managed.tensor.shape = held->shape.data();
  held->managed.context = held.get();
  held->managed.deleter = &release<Managed>;
  if constexpr (std::is_same_v<Managed, dlpack::VersionedTensor>) held->managed.major = 1;
  PyObject* capsule = PyCapsule_New(&held->managed, name, destructor);
  if (capsule == nullptr) throw nb::python_error();
  held->owner = owner.inc_ref().ptr();
  held.release();
  return nb::steal(capsule);
}

nb::object to_dlpack(std::uintptr_t address, const std::vector<std::int64_t>& shape, int code, int bits,
                     nb::handle owner, bool versioned) {
  dlpack::Tensor tensor{};
  tensor.data = device_pointer<void>(address);
  tensor.device = address == 0 ? dlpack::Device{dlpack::kCuda, 0} : device_of(tensor.data);
  tensor.dimensions = static_cast<std::int32_t>(shape.size());
  tensor.type = {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits), 1};
  if (versioned) {
    return capsule_of<dlpack::VersionedTensor>(tensor, shape, owner, kVersionedName, [](PyObject* capsule) {
      end_capsule<dlpack::VersionedTensor>(capsule, kVersionedName);
    });
  }
  return capsule_of<dlpack::ManagedTensor>(
      tensor, shape, owner, kName, [](PyObject* capsule) { end_capsule<dlpack::ManagedTensor>(capsule, kName); });
}

/// What keeps another library's tensor: a capsule that calls its deleter.
template <typename Managed>
nb::object keeper_of(Managed* managed) {
  return nb::capsule(managed, [](void* pointer) noexcept {
    auto* taken = static_cast<Managed*>(pointer);
    if (taken->deleter != nullptr) taken->deleter(taken);
  });
}

nb::dict from_dlpack(nb::handle capsule) {
  nb::object keeper;
  const dlpack::Tensor* tensor = nullptr;
  if (PyCapsule_IsValid(capsule.ptr(), kVersionedName) != 0) {
    auto* managed = static_cast<dlpack::VersionedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kVersionedName));
    if (managed->major != 1) {
      throw std::invalid_argument("DLPack " + std::to_string(managed->major) + " is not understood: 1 is the newest");
    }
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    keeper = keeper_of(managed);
    tensor = &managed->tensor;
  } else if (PyCapsule_IsValid(capsule.ptr(), kName) != 0) {
    auto* managed = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kName));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
    keeper = keeper_of(managed);
    tensor = &managed->tensor;
  } else {
    throw std::invalid_argument("no DLPack capsule, or one that was taken before");
  }
  nb::list shape, strides;
  std::int64_t expected = 1;
  for (int i = tensor->dimensions; i-- > 0;) {
    shape.insert(0, tensor->shape[i]);
    strides.insert(0, tensor->strides == nullptr ? expected : tensor->strides[i]);
    expected *= tensor->shape[i];
  }
  nb::dict result;
  result["address"] = reinterpret_cast<std::uintptr_t>(tensor->data) + tensor->byte_offset;
  result["device"] = nb::make_tuple(tensor->device.type, tensor->device.id);
  result["type"] = nb::make_tuple(tensor->type.code, tensor->type.bits, tensor->type.lanes);
  result["shape"] = nb::tuple(shape);
  result["strides"] = nb::tuple(strides);
  result["owner"] = keeper;
  return result;
}

std::pair<int, int> device_of_address(std::uintptr_t address) {
  const dlpack::Device device = device_of(device_pointer<void>(address));
  return {device.type, device.id};
}

}  // namespace

void bind_cuda_dlpack(nb::module_& module) {
  module.def(
      "dlpack_device",
      [](std::uintptr_t address) {
        const auto [type, id] = device_of_address(address);
        return nb::make_tuple(type, id);
      },
      nb::arg("address"), "DLPack's (device type, device) of memory: 2 is a GPU's, 3 pinned, 1 the host's.");
  module.def(
      "to_dlpack", &to_dlpack, nb::arg("address"), nb::arg("shape"), nb::arg("code"), nb::arg("bits"), nb::arg("owner"),
      nb::arg("versioned"),
      "A DLPack capsule of an array in C order. `code` 0 is signed, 1 unsigned, 2 floating point; `owner` lives\n"
      "as long as the reader; `versioned` makes a capsule of DLPack 1.");
  module.def("from_dlpack", &from_dlpack, nb::arg("capsule"),
             "Takes a capsule of any version: address, device (type, id), type (code, bits, lanes), shape, strides in\n"
             "elements, and the owner, which must live as long as the memory is used. ValueError if it is none.");
}

}  // namespace rtgs2::bindings
