#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/checked_array.h"
#include "ply/decoder.h"
#include "ply/read_rows.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;

using Destination = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = std::vector<std::pair<std::int64_t, std::string>>;

template <typename T>
T named(const std::map<std::string, T>& names, const std::string& name) {
  const auto found = names.find(name);
  if (found == names.end()) throw std::invalid_argument("'" + name + "' is unknown to the PLY decoder");
  return found->second;
}

ply::Type type_named(const std::string& name) {
  using enum ply::Type;
  static const std::map<std::string, ply::Type> names{
      {"i1", kInt8},   {"u1", kUint8}, {"i2", kInt16},  {"u2", kUint16},  {"i4", kInt32},
      {"u4", kUint32}, {"i8", kInt64}, {"u8", kUint64}, {"f4", kFloat32}, {"f8", kFloat64}};
  return named(names, name);
}

ply::Meaning meaning_named(const std::string& name) {
  using enum ply::Meaning;
  static const std::map<std::string, ply::Meaning> names{
      {"number", kNumber}, {"logarithm", kLogarithm}, {"logit", kLogit}, {"quaternion", kQuaternion}};
  return named(names, name);
}

/// The core's decoder, with the arrays that it writes to kept alive.
class PlyDecoder {
 public:
  PlyDecoder(std::int64_t row_bytes, bool big_endian, std::int64_t count,
             const std::vector<std::tuple<Destination, std::string, Columns>>& arrays)
      : decoder_({row_bytes, big_endian}, count, checked(count, arrays)) {
    for (const auto& array : arrays) kept_.push_back(std::get<Destination>(array));
  }

  bool read(int file, std::int64_t start, std::int64_t first, std::int64_t count, int threads) {
    try {
      const nb::gil_scoped_release unlocked;
      return ply::read_rows(file, start, decoder_, first, count, threads);
    } catch (const std::system_error& error) {
      errno = error.code().value();
    }
    PyErr_SetFromErrno(PyExc_OSError);
    throw nb::python_error();
  }

  void decode(const Rows& rows, std::int64_t first) {
    const auto size = static_cast<std::int64_t>(rows.shape(0));
    if (size % decoder_.layout().row_bytes != 0) throw std::invalid_argument("these are not whole rows");
    decoder_.decode(reinterpret_cast<const std::byte*>(rows.data()), first, size / decoder_.layout().row_bytes);
  }

  /// For each array (faults of each column, fault of the whole), a fault as (count, first row).
  nb::list faults() const {
    const auto pair = [](const ply::Fault& fault) { return nb::make_tuple(fault.count, fault.first); };
    nb::list arrays;
    for (const ply::ArrayFaults& array : decoder_.faults()) {
      nb::list columns;
      for (const ply::Fault& fault : array.not_finite) columns.append(pair(fault));
      arrays.append(nb::make_tuple(columns, pair(array.zero)));
    }
    return arrays;
  }

  nb::object unusable() const {
    const auto& rows = decoder_.unusable();
    if (rows.empty()) return nb::none();
    auto copy = new_array<bool>({rows.size()});
    std::transform(rows.begin(), rows.end(), copy.data, [](std::uint8_t row) { return row != 0; });
    return copy.array.cast();
  }

 private:
  static std::vector<ply::Array> checked(std::int64_t count,
                                         const std::vector<std::tuple<Destination, std::string, Columns>>& arrays) {
    std::vector<ply::Array> result;
    for (const auto& [destination, meaning, columns] : arrays) {
      if (static_cast<std::int64_t>(destination.shape(0)) != count || destination.shape(1) != columns.size()) {
        throw std::invalid_argument("an array does not have the shape of its rows and columns");
      }
      ply::Array& array = result.emplace_back(ply::Array{destination.data(), meaning_named(meaning), {}});
      for (const auto& [offset, type] : columns) array.columns.push_back({offset, type_named(type)});
    }
    return result;
  }

  std::vector<Destination> kept_;
  ply::Decoder decoder_;
};

}  // namespace

void bind_ply(nb::module_& module) {
  nb::class_<PlyDecoder>(module, "PlyDecoder",
                         "Decodes rows of a binary PLY element into float32 arrays; see csrc/ply/decoder.h.")
      .def(nb::init<std::int64_t, bool, std::int64_t,
                    const std::vector<std::tuple<Destination, std::string, Columns>>&>(),
           nb::arg("row_bytes"), nb::arg("big_endian"), nb::arg("count"), nb::arg("arrays").noconvert(),
           "arrays: of each the (count, columns) array to fill, 'number', 'logarithm', 'logit' or 'quaternion', and\n"
           "(offset in the row, NumPy type code) of its columns.")
      .def("read", &PlyDecoder::read, nb::arg("file"), nb::arg("start"), nb::arg("first"), nb::arg("count"),
           nb::arg("threads"),
           "Decodes rows from an open file, whose descriptor is given and in which row 0 is at `start`; False if it "
           "ends\n"
           "early.")
      .def("decode", &PlyDecoder::decode, nb::arg("rows"), nb::arg("first"),
           "Decodes rows that are in memory already, as bytes; the first of them is row `first`.")
      .def("faults", &PlyDecoder::faults,
           "For each array ([(count, first row) of values that are not finite, by column], the same of zero\n"
           "quaternions).")
      .def("unusable", &PlyDecoder::unusable, "(count,) bool, the rows that have a fault; None if none has.");
}

}  // namespace rtgs2::bindings
