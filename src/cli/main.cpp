#include "cli/program.hpp"

#include <iostream>

auto main(int argc, char** argv) -> int { return spider::cli::run_main(argc, argv, {std::cout, std::cerr}); }
