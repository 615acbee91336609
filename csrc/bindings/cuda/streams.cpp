// Streams, events and copies that do not wait: what a frame on the GPU is put together with.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>

#include "bindings/cuda/bindings.h"
#include "cuda/event.h"
#include "cuda/graph.h"
#include "cuda/pinned_memory.h"
#include "cuda/stream.h"

namespace rtgs2::bindings {
namespace {

namespace nb = nanobind;
using cuda::Event;
using cuda::Graph;
using cuda::PinnedMemory;
using cuda::Stream;

nb::ndarray<nb::numpy, std::uint8_t> view(nb::handle_t<PinnedMemory> self) {
  const auto& memory = *nb::inst_ptr<PinnedMemory>(self);
  const std::size_t size = memory.bytes();
  return {memory.data(), 1, &size, self};
}

void copy_rows(std::uintptr_t to, std::size_t to_pitch, std::uintptr_t from, std::size_t from_pitch,
               std::size_t row_bytes, std::size_t rows, std::uintptr_t stream) {
  if (row_bytes == 0 || rows == 0) return;
  cuda::check(cudaMemcpy2DAsync(device_pointer<void>(to), to_pitch, device_pointer<void>(from), from_pitch, row_bytes,
                                rows, cudaMemcpyDefault, stream_of(stream)),
              "copying an image");
}

void let_wait(std::uintptr_t waiting, std::uintptr_t stream) {
  if (waiting == stream) return;
  Event event;
  event.record(stream_of(stream));
  event.hold_back(stream_of(waiting));
}

}  // namespace

void bind_cuda_streams(nb::module_& module) {
  nb::class_<Stream>(module, "Stream", "A CUDA stream.")
      .def(nb::init<>())
      .def_prop_ro("address", [](const Stream& s) { return reinterpret_cast<std::uintptr_t>(s.get()); })
      .def("wait", &Stream::wait, nb::call_guard<nb::gil_scoped_release>(), "Until all that is enqueued is done.");
  nb::class_<Event>(module, "Event", "A moment in a stream.")
      .def(nb::init<>())
      .def(
          "record", [](Event& event, std::uintptr_t stream) { event.record(stream_of(stream)); }, nb::arg("stream"),
          "Makes it the moment when all that the stream holds now is done.")
      .def("wait", &Event::wait, nb::call_guard<nb::gil_scoped_release>(), "Until then.")
      .def("seconds_since", &Event::seconds_since, nb::arg("earlier"), "Both must have come.");
  nb::class_<Graph>(module, "Graph", "Work on a stream, recorded once and repeated with one call.")
      .def(
          "__init__",
          [](Graph* graph, std::uintptr_t stream, const nb::callable& enqueue) {
            new (graph) Graph(stream_of(stream), [&](cudaStream_t) { enqueue(); });
          },
          nb::arg("stream"), nb::arg("enqueue"),
          "Calls `enqueue()` and records what it puts on the stream, which is not run. Addresses are recorded as they "
          "are.")
      .def(
          "launch", [](const Graph& graph, std::uintptr_t stream) { graph.launch(stream_of(stream)); },
          nb::arg("stream"), "Puts all of it on a stream.");
  nb::class_<PinnedMemory>(module, "PinnedMemory", "Bytes of the host that the GPU writes to by itself.")
      .def(nb::init<std::size_t>(), nb::arg("bytes"), "CudaMemoryError if there is not enough.")
      .def_prop_ro("address", [](const PinnedMemory& m) { return reinterpret_cast<std::uintptr_t>(m.data()); })
      .def("view", &view, "The bytes themselves, as uint8.");
  module.def("copy_rows", &copy_rows, nb::arg("to"), nb::arg("to_pitch"), nb::arg("from_"), nb::arg("from_pitch"),
             nb::arg("row_bytes"), nb::arg("rows"), nb::arg("stream"),
             "Enqueues a copy of rows, whose beginnings lie `pitch` bytes apart, between host and device in any\n"
             "direction. Host memory must be pinned for the copy to run beside the host.");
  module.def("let_wait", &let_wait, nb::arg("waiting"), nb::arg("stream"),
             "Work enqueued on `waiting` from here on waits for what `stream` holds now; the host does not wait.");
}

}  // namespace rtgs2::bindings
