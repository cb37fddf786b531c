// A small test registry: TEST(name) { CHECK(...); CHECK_NEAR(...); }. Each file's tests run under the file's name,
// which is the ctest entry. A failed check ends its test only; the counts go to standard output for the test driver.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace langevin::test {

struct Case {
  std::string file;
  std::string name;
  void (*body)();
};

// Thrown by a failed CHECK; not derived from std::exception so that a test of thrown errors cannot swallow it.
struct Failure {
  std::string text;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline std::string stem(std::string_view path) {
  const auto slash = path.find_last_of('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return std::string(path.substr(0, path.find('.')));
}

struct Register {
  Register(const char* file, const char* name, void (*body)()) { cases().push_back({stem(file), name, body}); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& text) {
  throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + text};
}

inline void check_near(const char* file, int line, const char* what, double actual, double expected, double tolerance) {
  // Written so that a NaN on either side fails.
  if (std::abs(actual - expected) <= tolerance) return;
  std::ostringstream text;
  text.precision(17);
  text << what << " is " << actual << ", expected " << expected << " within " << tolerance;
  fail(file, line, text.str());
}

// Runs the cases whose file equals `file` (all when empty) and whose name contains `filter`. Returns the exit code.
inline int run(const std::string& file, const std::string& filter) {
  int passed = 0;
  int failed = 0;
  for (const Case& test : cases()) {
    if ((!file.empty() && test.file != file) || test.name.find(filter) == std::string::npos) continue;
    std::string problem;
    try {
      test.body();
    } catch (const Failure& failure) {
      problem = failure.text;
    } catch (const std::exception& error) {
      problem = std::string("unexpected exception: ") + error.what();
    }
    problem.empty() ? ++passed : ++failed;
    std::printf("%s %s.%s\n", problem.empty() ? "ok" : "FAILED", test.file.c_str(), test.name.c_str());
    if (!problem.empty()) std::printf("  %s\n", problem.c_str());
    std::fflush(stdout);
  }
  std::printf("langevin-tests: %d passed, %d failed\n", passed, failed);
  // A filter that matches nothing is a mistake in the call, not a pass.
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace langevin::test

#define LANGEVIN_TEST_NAME_(name) langevin_test_##name
#define TEST(name)                                                                                      \
  static void LANGEVIN_TEST_NAME_(name)();                                                              \
  static const ::langevin::test::Register register_##name{__FILE__, #name, &LANGEVIN_TEST_NAME_(name)}; \
  static void LANGEVIN_TEST_NAME_(name)()

// LibTorch has a CHECK of its own (it aborts the process); in a test file the name is ours.
#undef CHECK
#define CHECK(condition)                                                                                 \
  do {                                                                                                   \
    if (!(condition)) ::langevin::test::fail(__FILE__, __LINE__, "CHECK(" #condition ") does not hold"); \
  } while (false)

// Fails when actual and expected differ by more than an absolute tolerance, or when either is NaN.
#define CHECK_NEAR(actual, expected, tolerance)                                          \
  ::langevin::test::check_near(__FILE__, __LINE__, #actual, static_cast<double>(actual), \
                               static_cast<double>(expected), static_cast<double>(tolerance))

// Fails unless the statement throws `type`; further conditions on it go in an ordinary try block.
#define CHECK_THROWS(statement, type)                                                           \
  do {                                                                                          \
    bool threw = false;                                                                         \
    try {                                                                                       \
      (void)(statement);                                                                        \
    } catch (const type&) {                                                                     \
      threw = true;                                                                             \
    }                                                                                           \
    if (!threw) ::langevin::test::fail(__FILE__, __LINE__, #statement " did not throw " #type); \
  } while (false)
