#pragma once

/// Where a command's JSON goes.

#include "cli/command.hpp"

#include <nlohmann/json_fwd.hpp>

#include <fstream>
#include <string>

namespace spider::cli {

/// Nowhere, to the console, or to a file that this owns. One line per value.
class JsonOutput {
 public:
  /// `target`: a file, "-" for the console, or empty for nowhere.
  JsonOutput(const std::string& target, Console console);

  auto write(const nlohmann::ordered_json& value) -> void;
  /// Flushes; false if anything could not be written.
  [[nodiscard]] auto finish() -> bool;

 private:
  std::ofstream file_;
  std::ostream* out_ = nullptr;
};

}  // namespace spider::cli
