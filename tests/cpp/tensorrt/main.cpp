// Drives a library of plugins: plugin_tests LIBRARY.
#include <cstdio>

#include "check.h"
#include "node.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s LIBRARY\n", arguments[0]);
    return 2;
  }
  node::load(arguments[1]);
  return check::run_all();
}
