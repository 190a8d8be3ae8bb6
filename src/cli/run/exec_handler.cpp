#include "cli/run/exec_handler.hpp"

#include <nlohmann/json.hpp>

#include <utility>

auto spider::Codec<spider::cli::ProcessCommand>::encode(const cli::ProcessCommand& command) -> Bytes {
  auto words = nlohmann::json::array({command.program});
  for (const auto& argument : command.arguments) words.push_back(argument);
  return words.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

auto spider::Codec<spider::cli::ProcessCommand>::decode(const Bytes& bytes) -> Result<cli::ProcessCommand> {
  const auto words = nlohmann::json::parse(bytes, nullptr, false);
  const auto is_text = [](const nlohmann::json& word) { return word.is_string(); };
  if (!words.is_array() || words.empty() || !std::all_of(words.begin(), words.end(), is_text)) {
    return Error{Errc::payload_error, "a command is a JSON array of texts"};
  }
  cli::ProcessCommand command;
  command.program = words[0];
  command.arguments.assign(words.begin() + 1, words.end());
  return command;
}

namespace spider::cli {

auto execute_command(ProcessCommand command) -> Async<std::string> {
  constexpr std::size_t kTail = 400;
  const auto program = command.program;
  SPIDER_CO_TRY(auto end, co_await run_process(std::move(command)));
  if (end.succeeded()) co_return std::move(end.output);
  auto why = program + (end.signal != 0 ? " was ended by signal " + std::to_string(end.signal)
                                        : " ended with status " + std::to_string(end.exit_status));
  if (!end.output.empty()) {
    why += ": …";
    why += end.output.substr(end.output.size() - std::min(kTail, end.output.size()));
  }
  co_return Error{Errc::handler_failed, std::move(why)};
}

}  // namespace spider::cli
