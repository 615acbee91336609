// The creator: what it asks for, what it refuses, and what comes back from an engine.
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "node.h"

namespace {

using node::Field;
using nvinfer1::PluginFieldType;
using nvinfer1::TensorRTPhase;

bool says(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

/// The creator refuses the fields, with these words.
void check_refused(const std::vector<Field>& fields, const char* words, TensorRTPhase phase = TensorRTPhase::kBUILD) {
  node::take_errors();
  CHECK(node::create(fields, phase) == nullptr);
  const std::string errors = node::take_errors();
  if (!says(errors, words) || !says(errors, "RtgsRasterizeGaussians: createPlugin: ")) {
    check::fail(__FILE__, __LINE__, "the log '", errors, "' lacks '", words, "'");
  }
}

std::vector<Field> with(std::vector<Field> fields, const char* name, const Field& other) {
  for (Field& field : fields) {
    if (field.name == name) field = other;
  }
  return fields;
}

std::vector<Field> without(const std::vector<Field>& fields, const char* name) {
  std::vector<Field> rest;
  for (const Field& field : fields) {
    if (field.name != name) rest.push_back(field);
  }
  return rest;
}

TEST(creator_names_the_plugin_and_its_fields) {
  nvinfer1::IPluginCreatorV3One& creator = node::creator();
  CHECK_EQUAL(std::string(creator.getPluginName()), "RtgsRasterizeGaussians");
  CHECK_EQUAL(std::string(creator.getPluginVersion()), "1");
  CHECK_EQUAL(std::string(creator.getPluginNamespace()), "");
  const nvinfer1::PluginFieldCollection* const fields = creator.getFieldNames();
  const std::vector<std::string> expected{"width", "height", "channels", "visible_capacity", "pair_capacity"};
  CHECK_EQUAL(static_cast<std::size_t>(fields->nbFields), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK_EQUAL(std::string(fields->fields[i].name), expected[i]);
    CHECK(fields->fields[i].type == PluginFieldType::kINT32);
    CHECK_EQUAL(fields->fields[i].length, 1);
  }
  const node::Plugin plugin = node::create(node::fields_of(640, 480, 32));
  CHECK_EQUAL(std::string(node::core(*plugin).getPluginName()), "RtgsRasterizeGaussians");
  CHECK_EQUAL(std::string(node::core(*plugin).getPluginVersion()), "1");
  CHECK_EQUAL(std::string(node::core(*plugin).getPluginNamespace()), "");
  CHECK(node::take_errors().empty());
}

TEST(capacities_may_be_left_out) {
  const auto fields = without(without(node::fields_of(640, 480, 32), "pair_capacity"), "visible_capacity");
  const node::Plugin plugin = node::create(fields);
  CHECK(plugin != nullptr);
  CHECK_EQUAL(node::stored(*plugin).size(), 5U);
  for (const Field& field : node::stored(*plugin)) {
    if (field.name.ends_with("capacity")) CHECK_EQUAL(field.values.at(0), 0);
  }
}

TEST(wrong_fields_are_refused) {
  const std::vector<Field> good = node::fields_of(640, 480, 32);
  for (const char* name : {"width", "height", "channels"}) {
    check_refused(without(good, name), (std::string("field '") + name + "' is missing").c_str());
  }
  check_refused({}, "field 'width' is missing");
  check_refused(with(good, "width", {"width", {0}}), "field 'width' is 0, expected 1 to 16384");
  check_refused(with(good, "height", {"height", {16385}}), "field 'height' is 16385, expected 1 to 16384");
  check_refused(with(good, "channels", {"channels", {65}}), "field 'channels' is 65, expected 1 to 64");
  check_refused(with(good, "pair_capacity", {"pair_capacity", {-1}}), "field 'pair_capacity' is -1, expected 0 to");
  check_refused(with(good, "width", {"width", {640}, PluginFieldType::kFLOAT32}), "field 'width' has type 1");
  check_refused(with(good, "width", {"width", {640, 480}}), "and length 2, expected one INT32");
  check_refused(with(good, "width", {"width", {}}), "and length 0, expected one INT32");
  check_refused(with(good, "pair_capacity", {"pairs", {7}}), "field 'pairs' is unknown, expected width, height");
  check_refused(with(good, "pair_capacity", {"width", {640}}), "field 'width' is given twice");
  node::take_errors();
  CHECK(node::creator().createPlugin("rasterize", nullptr, TensorRTPhase::kBUILD) == nullptr);
  CHECK(says(node::take_errors(), "no fields were given"));
  const nvinfer1::PluginFieldCollection broken{3, nullptr};
  CHECK(node::creator().createPlugin("rasterize", &broken, TensorRTPhase::kBUILD) == nullptr);
  CHECK(says(node::take_errors(), "no fields were given"));
  const nvinfer1::PluginField nameless(nullptr, nullptr, PluginFieldType::kINT32, 1);
  const nvinfer1::PluginFieldCollection one{1, &nameless};
  CHECK(node::creator().createPlugin("rasterize", &one, TensorRTPhase::kBUILD) == nullptr);
  CHECK(says(node::take_errors(), "field '' is unknown"));
}

/// Finds no logger, or fails to.
class PoorFinder final : public nvinfer1::ILoggerFinder {
 public:
  explicit PoorFinder(bool throws) : throws_(throws) {}
  nvinfer1::ILogger* findLogger() override {
    if (throws_) throw std::runtime_error("no logger");
    return nullptr;
  }

 private:
  bool throws_;
};

TEST(without_a_logger_errors_stay_errors) {
  PoorFinder finds_nothing(false), throws(true);
  for (nvinfer1::ILoggerFinder* finder :
       std::initializer_list<nvinfer1::ILoggerFinder*>{nullptr, &finds_nothing, &throws}) {
    node::set_finder(finder);
    CHECK(node::create({}) == nullptr);
    CHECK(node::create(node::fields_of(640, 480, 32)) != nullptr);
  }
  node::reset_finder();
  CHECK(node::create({}) == nullptr);
  CHECK(says(node::take_errors(), "field 'width' is missing"));
  // However long a name is.
  CHECK(node::create({{std::string(100'000, 'w'), {1}}}) == nullptr);
  CHECK(says(node::take_errors(), "field 'wwwwww"));
}

TEST(what_an_engine_stores_is_all_that_it_needs) {
  const node::Plugin plugin = node::create(node::fields_of(64, 48, 5, 0, 90000));
  CHECK_EQUAL(node::configure(*plugin, node::descs(3000, 4, 64, 48, 5)), 0);
  const std::vector<Field> fields = node::stored(*plugin);
  CHECK_EQUAL(fields.size(), 9U);
  for (const auto& [name, value] : {std::pair{"max_gaussians", 3000}, {"max_visible", 3000}, {"max_pairs", 90000}}) {
    bool found = false;
    for (const Field& field : fields) found |= field.name == name && field.values == std::vector{value};
    if (!found) check::fail(__FILE__, __LINE__, name, " is not ", value);
  }
  const node::Plugin again = node::create(fields, TensorRTPhase::kRUNTIME);
  CHECK(again != nullptr);
  const auto same = [&fields](nvinfer1::IPluginV3& other) {
    const std::vector<Field> found = node::stored(other);
    if (found.size() != fields.size()) return false;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i].name != fields[i].name || found[i].values != fields[i].values) return false;
    }
    return true;
  };
  CHECK(same(*again));
  const node::Plugin clone(again->clone());
  const node::Plugin attached(node::runtime(*again).attachToContext(nullptr));
  CHECK(same(*clone) && clone.get() != again.get());
  CHECK(same(*attached) && attached.get() != again.get());
  CHECK_EQUAL(std::string(node::build(*clone).getTimingCacheID()), node::build(*plugin).getTimingCacheID());
  CHECK_EQUAL(std::string(node::build(*clone).getMetadataString()), "64x48, 5 channels, visible auto, pairs 90000");

  for (const Field& field : fields) {
    check_refused(without(fields, field.name.c_str()), "is missing: the engine was built by another version",
                  TensorRTPhase::kRUNTIME);
  }
  check_refused(with(fields, "max_pairs", {"max_pairs", {-5}}), "field 'max_pairs' is -5", TensorRTPhase::kRUNTIME);
  // A node has no such fields, and what was not configured cannot be run.
  check_refused(fields, "field 'max_gaussians' is unknown");
  const node::Plugin raw = node::create(node::fields_of(64, 48, 5));
  check_refused(node::stored(*raw), "field 'max_gaussians' is missing", TensorRTPhase::kRUNTIME);
}

}  // namespace
