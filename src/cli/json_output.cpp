#include "cli/json_output.hpp"

#include "cli/workload_json.hpp"

#include <ostream>

namespace spider::cli {

JsonOutput::JsonOutput(const std::string& target, Console console) {
  if (target == "-") {
    out_ = &console.out;
  } else if (!target.empty()) {
    file_.open(target);
    out_ = &file_;
  }
}

auto JsonOutput::write(const nlohmann::ordered_json& value) -> void {
  if (out_ != nullptr) *out_ << to_line(value) << '\n';
}

auto JsonOutput::finish() -> bool { return out_ == nullptr || static_cast<bool>(out_->flush()); }

}  // namespace spider::cli
