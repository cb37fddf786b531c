// langevin_core_tests [--file name] [--filter text] [--list]
#include <cstdio>
#include <string>

#include "api.hpp"
#include "check.hpp"

int main(int argc, char** argv) {
  langevin::initialise();  // one intra-op thread, as every job has
  std::string file;
  std::string filter;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--list") {
      for (const auto& test : langevin::test::cases()) std::printf("%s.%s\n", test.file.c_str(), test.name.c_str());
      return 0;
    }
    if ((flag != "--file" && flag != "--filter") || i + 1 >= argc) {
      std::fprintf(stderr, "usage: langevin_core_tests [--file name] [--filter text] [--list]\n");
      return 2;
    }
    (flag == "--file" ? file : filter) = argv[++i];
  }
  return langevin::test::run(file, filter);
}
