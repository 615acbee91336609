// The few things that the core's tests need of a test framework: tests that register themselves, checks that go on.
#pragma once

#include <exception>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

/// Counts and reports a failure; always on the main thread.
template <typename... Parts>
void fail(const char* file, int line, const Parts&... parts) {
  ++failures();
  std::ostringstream text;
  (text << ... << parts);
  std::cerr << file << ':' << line << ": " << text.str() << '\n';
}

/// What `function` throws as an Exception, its message; otherwise a failure and an empty text.
template <typename Exception>
std::string message_thrown_by(const char* file, int line, const std::function<void()>& function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  } catch (const std::exception& error) {
    fail(file, line, "another exception: ", error.what());
    return {};
  }
  fail(file, line, "no exception");
  return {};
}

inline int run_all() {
  for (const Test& test : tests()) {
    const int before = failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      fail(test.name, 0, "unexpected exception: ", error.what());
    }
    std::cout << (failures() == before ? "ok    " : "FAIL  ") << test.name << std::endl;
  }
  std::cout << tests().size() << " tests, " << failures() << " failed checks" << std::endl;
  return failures() == 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                        \
  static void test_##name();                                              \
  static const check::Registration registered_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition) \
  if (!(condition)) check::fail(__FILE__, __LINE__, #condition)

#define CHECK_EQUAL(found, expected)                        \
  if (const auto found_ = (found); !(found_ == (expected))) \
  check::fail(__FILE__, __LINE__, #found, " is ", found_, ", expected ", (expected))

/// The expression throws `Exception` and its message contains `part`.
#define CHECK_THROWS(expression, Exception, part)                                                                \
  if (const std::string message_ = check::message_thrown_by<Exception>(__FILE__, __LINE__, [&] { expression; }); \
      message_.find(part) == std::string::npos)                                                                  \
  check::fail(__FILE__, __LINE__, "message '", message_, "' lacks '", part, "'")
