#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/checked_array.h"
#include "scene_files/compressed_ply.h"
#include "scene_files/gaussian_checks.h"
#include "scene_files/packed_values.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

template <int kDimensions>
using Written = nb::ndarray<float, nb::ndim<kDimensions>, nb::c_contig, nb::device::cpu>;
using LimitsArray = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Places = std::tuple<std::int64_t, std::int64_t, std::vector<std::int64_t>>;

scene_files::Gaussians gaussians_of(const Written<2>& means, const Written<2>& scales, const Written<2>& rotations,
                                    const Written<1>& opacities, const Written<3>& sh) {
  const std::size_t count = means.shape(0);
  const auto is = [&](const Written<2>& array, std::size_t width) {
    return array.shape(0) == count && array.shape(1) == width;
  };
  if (!is(means, 3) || !is(scales, 3) || !is(rotations, 4) || opacities.shape(0) != count || sh.shape(0) != count ||
      sh.shape(1) < 1 || sh.shape(2) != 3) {
    throw std::invalid_argument("arrays of Gaussians that do not fit each other");
  }
  return {static_cast<std::int64_t>(count),
          means.data(),
          scales.data(),
          rotations.data(),
          opacities.data(),
          sh.data(),
          static_cast<std::int64_t>(3 * sh.shape(1))};
}

/// (field, problem) -> (count, first), of what was found alone.
nb::dict fault_dictionary(const scene_files::GaussianChecks& checks) {
  constexpr const char* kNotFinite = "NaN or infinite values";
  constexpr std::array<std::pair<const char*, const char*>, scene_files::kChecks> kNames{
      {{"means", kNotFinite},
       {"scales", kNotFinite},
       {"opacities", kNotFinite},
       {"sh", kNotFinite},
       {"rotations", kNotFinite},
       {"scales", "negative scales"},
       {"rotations", "zero quaternions"}}};
  nb::dict result;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const ply::Fault& fault = checks.faults()[i];
    if (fault.count > 0) {
      result[nb::make_tuple(kNames[i].first, kNames[i].second)] = nb::make_tuple(fault.count, fault.first);
    }
  }
  return result;
}

nb::object unusable_rows(const scene_files::GaussianChecks& checks) {
  const auto& rows = checks.unusable();
  if (rows.empty()) return nb::none();
  auto copy = new_array<bool>({rows.size()});
  std::transform(rows.begin(), rows.end(), copy.data, [](std::uint8_t row) { return row != 0; });
  return copy.array.cast();
}

scene_files::RowPlaces places_of(const Places& places) {
  return {std::get<0>(places), std::get<1>(places), std::get<2>(places)};
}

/// The core's decoder, with the arrays that it reads and writes kept alive.
class CompressedPlyDecoder {
 public:
  CompressedPlyDecoder(const Places& vertices, const std::optional<Places>& harmonics, bool big_endian,
                       const LimitsArray& limits, const Written<2>& means, const Written<2>& scales,
                       const Written<2>& rotations, const Written<1>& opacities, const Written<3>& sh)
      : limits_(limits),
        kept_(means, scales, rotations, opacities, sh),
        decoder_(
            places_of(vertices), harmonics ? std::optional(places_of(*harmonics)) : std::nullopt, big_endian,
            {limits.data(), static_cast<std::int64_t>(limits.shape(0)), static_cast<std::int64_t>(limits.shape(1))},
            gaussians_of(means, scales, rotations, opacities, sh)) {}

  bool read(int file, std::int64_t first, std::int64_t count, int threads) {
    try {
      const nb::gil_scoped_release unlocked;
      return decoder_.read(file, first, count, threads);
    } catch (const std::system_error& error) {
      errno = error.code().value();
    }
    PyErr_SetFromErrno(PyExc_OSError);
    throw nb::python_error();
  }

  nb::dict faults() const { return fault_dictionary(decoder_.checks()); }
  nb::object unusable() const { return unusable_rows(decoder_.checks()); }

 private:
  LimitsArray limits_;
  std::tuple<Written<2>, Written<2>, Written<2>, Written<1>, Written<3>> kept_;
  scene_files::CompressedPlyDecoder decoder_;
};

nb::tuple check_gaussians(const Written<2>& means, const Written<2>& scales, const Written<2>& rotations,
                          const Written<1>& opacities, const Written<3>& sh, int threads) {
  scene_files::GaussianChecks checks(gaussians_of(means, scales, rotations, opacities, sh));
  {
    const nb::gil_scoped_release unlocked;
    scene_files::check_all(checks, threads);
  }
  return nb::make_tuple(fault_dictionary(checks), unusable_rows(checks));
}

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Tables = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<float, nb::ndim<2>, nb::device::cpu>;  // rows may lie apart

void look_up(const Bytes& bytes, const Tables& tables, const Rows& out) {
  if (tables.shape(1) != 256 || tables.shape(0) > bytes.shape(1) || out.shape(1) != tables.shape(0) ||
      out.shape(0) != bytes.shape(0) || (out.shape(1) > 1 && out.stride(1) != 1)) {
    throw std::invalid_argument("bytes, tables and rows that do not fit each other");
  }
  const nb::gil_scoped_release unlocked;
  scene_files::look_up(bytes.data(), static_cast<std::int64_t>(bytes.shape(0)),
                       static_cast<std::int64_t>(bytes.shape(1)), static_cast<std::int64_t>(tables.shape(0)),
                       tables.data(), out.data(), out.stride(0));
}

void check_rows(const Bytes& bytes, std::size_t row_bytes, const Written<2>& out, std::size_t width) {
  if (bytes.shape(1) != row_bytes || out.shape(0) != bytes.shape(0) || out.shape(1) != width) {
    throw std::invalid_argument("bytes and rows that do not fit each other");
  }
}

void unpack_positions(const Bytes& bytes, const std::array<float, 3>& factors, const Written<2>& out) {
  check_rows(bytes, 9, out, 3);
  const nb::gil_scoped_release unlocked;
  scene_files::unpack_positions(bytes.data(), static_cast<std::int64_t>(bytes.shape(0)), factors, out.data());
}

void unpack_rotations(const Bytes& bytes, const Written<2>& out) {
  check_rows(bytes, 4, out, 4);
  const nb::gil_scoped_release unlocked;
  scene_files::unpack_rotations(bytes.data(), static_cast<std::int64_t>(bytes.shape(0)), out.data());
}

}  // namespace

void bind_scene_files(nb::module_& module) {
  nb::class_<CompressedPlyDecoder>(module, "CompressedPlyDecoder",
                                   "Decodes PlayCanvas compressed PLY; see csrc/scene_files/compressed_ply.h.")
      .def(nb::init<const Places&, const std::optional<Places>&, bool, const LimitsArray&, const Written<2>&,
                    const Written<2>&, const Written<2>&, const Written<1>&, const Written<3>&>(),
           nb::arg("vertices"), nb::arg("harmonics").none(), nb::arg("big_endian"), nb::arg("limits").noconvert(),
           nb::arg("means").noconvert(), nb::arg("scales").noconvert(), nb::arg("rotations").noconvert(),
           nb::arg("opacities").noconvert(), nb::arg("sh").noconvert(),
           "vertices, harmonics: (start in the file, bytes a row, offsets in a row).")
      .def("read", &CompressedPlyDecoder::read, nb::arg("file"), nb::arg("first"), nb::arg("count"), nb::arg("threads"),
           "Decodes and checks Gaussians from an open file, whose descriptor is given; False if it ends early.")
      .def("faults", &CompressedPlyDecoder::faults, "(field, problem) -> (Gaussians, the first of them).")
      .def("unusable", &CompressedPlyDecoder::unusable, "(count,) bool, those that have a fault; None if none has.");
  module.def("check_gaussians", &check_gaussians, nb::arg("means").noconvert(), nb::arg("scales").noconvert(),
             nb::arg("rotations").noconvert(), nb::arg("opacities").noconvert(), nb::arg("sh").noconvert(),
             nb::arg("threads"),
             "Normalises quaternions in place and finds what cannot be used; see csrc/scene_files/gaussian_checks.h.\n"
             "Returns (field, problem) -> (Gaussians, the first of them), and (count,) bool or None.");
  module.def("look_up", &look_up, nb::arg("bytes").noconvert(), nb::arg("tables").noconvert(),
             nb::arg("out").noconvert(), "out[i, c] = tables[c, bytes[i, c]].");
  module.def("unpack_positions", &unpack_positions, nb::arg("bytes").noconvert(), nb::arg("factors"),
             nb::arg("out").noconvert(), "SPZ's positions of 24 bits; see csrc/scene_files/packed_values.h.");
  module.def("unpack_rotations", &unpack_rotations, nb::arg("bytes").noconvert(), nb::arg("out").noconvert(),
             "SPZ's rotations from version 3 on; see csrc/scene_files/packed_values.h.");
}

}  // namespace rtgs2::bindings
