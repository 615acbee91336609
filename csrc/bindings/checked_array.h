// Arrays that cross the border to Python: checked on the way in, owned by Python on the way out.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace rtgs2::bindings {

/// Any array in this machine's memory; what is in it is checked by checked_data().
using AnyArray = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;

/// Stands for any size in a shape to check against.
inline constexpr std::int64_t kAnySize = -1;

/// `array`'s values as T, if it has that type, `shape` and C order without gaps; a ValueError that names it if not.
template <typename T>
const T* checked_data(const AnyArray& array, const char* name, std::initializer_list<std::int64_t> shape) {
  const auto joined = [](auto size_of, std::size_t count) {
    std::string text = "(";
    for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + size_of(i);
    return text + (count == 1 ? ",)" : ")");
  };
  const auto expected_size = [&](std::size_t i) {
    const std::int64_t size = shape.begin()[i];
    return size == kAnySize ? std::string("any") : std::to_string(size);
  };
  const auto found_size = [&](std::size_t i) { return std::to_string(array.shape(i)); };

  bool fits = array.ndim() == shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape.begin()[i] == kAnySize || array.shape(i) == static_cast<std::size_t>(shape.begin()[i]);
  }
  if (!fits) {
    throw std::invalid_argument(std::string(name) + " has the shape " + joined(found_size, array.ndim()) +
                                ", expected " + joined(expected_size, shape.size()));
  }
  if (array.dtype() != nanobind::dtype<T>()) {
    throw std::invalid_argument(std::string(name) + " must hold " + (sizeof(T) == 4 ? "float32" : "float64") +
                                ": convert it with astype()");
  }
  std::int64_t stride = 1;
  for (std::size_t i = array.ndim(); i-- > 0;) {
    if (array.size() > 0 && array.shape(i) > 1 && array.stride(i) != stride) {
      throw std::invalid_argument(std::string(name) + " must be in C order: convert it with numpy.ascontiguousarray()");
    }
    stride *= static_cast<std::int64_t>(array.shape(i));
  }
  return static_cast<const T*>(array.data());
}

/// An array that is written into; what is in it is checked by checked_target().
using TargetArray = nanobind::ndarray<nanobind::device::cpu>;

/// checked_data() of an array that is not read-only.
template <typename T>
T* checked_target(const TargetArray& array, const char* name, std::initializer_list<std::int64_t> shape) {
  checked_data<T>(AnyArray(array), name, shape);
  return static_cast<T*>(array.data());
}

/// A new NumPy array, its values not set yet, with the pointer to fill it through.
template <typename T>
struct NewArray {
  T* data;
  nanobind::ndarray<nanobind::numpy, T> array;
};

template <typename T>
NewArray<T> new_array(std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t side : shape) {
    if (__builtin_mul_overflow(size, side, &size)) throw std::bad_array_new_length();
  }
  auto values = std::make_unique_for_overwrite<T[]>(size);
  T* data = values.get();
  nanobind::capsule owner(data, [](void* pointer) noexcept { delete[] static_cast<T*>(pointer); });
  values.release();
  return {data, nanobind::ndarray<nanobind::numpy, T>(data, shape.size(), shape.begin(), owner)};
}

}  // namespace rtgs2::bindings
