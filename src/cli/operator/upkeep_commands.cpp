#include "cli/operator/upkeep_commands.hpp"

#include "cli/json_output.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>
#include <utility>

namespace spider::cli {

auto run_check(const OperatorOptions& options, Console console) -> int {
  JsonOutput json{options.json, console};
  const auto path = sqlite_path(options.storage);
  if (!path) return complain(console, "check", path.error());
  if (path.value().empty()) {
    return complain(console, "check", {Errc::invalid_argument, "--storage takes sqlite:PATH here"});
  }
  const auto found = check_sqlite_storage(path.value());
  if (!found) return complain(console, "check", found.error());
  for (const auto& complaint : found.value().complaints) console.err << complaint << '\n';
  const auto sound = found.value().complaints.empty();
  if (options.json != "-" && sound) {
    console.out << path.value() << ": sound, " << found.value().jobs << " jobs\n";
  }
  json.write({{"sound", sound}, {"jobs", found.value().jobs}, {"complaints", found.value().complaints}});
  if (!json.finish()) return complain(console, "check", {Errc::io_error, options.json});
  return sound ? kSuccess : kStorageFailed;
}

auto run_purge(const PurgeOptions& options, Console console) -> int {
  constexpr std::size_t kStep = 1'000;
  JsonOutput json{options.of.json, console};
  SqliteStorageOptions sqlite;
  sqlite.ended_jobs_kept = from_seconds(options.older_than_s);
  sqlite.removal_step = kStep;
  OperatorStorage storage;
  const auto opened = storage.open(options.of.storage, OperatorStorage::Missing::refuse, std::move(sqlite));
  if (!opened) return complain(console, "purge", opened.error());
  const auto now = storage.now();
  std::uint64_t removed = 0;
  while (true) {
    const auto report = storage.run(storage->sweep(kStep));
    if (!report) return complain(console, "purge", report.error());
    removed += report.value().removed;
    if (report.value().removed < kStep && report.value().next > now) break;
  }
  if (options.of.json != "-") console.out << removed << " jobs removed\n";
  json.write({{"removed", removed}});
  if (!json.finish()) return complain(console, "purge", {Errc::io_error, options.of.json});
  return kSuccess;
}

auto add_check_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<OperatorOptions>();
  auto* app = program.add_subcommand("check", "Look for damage in the file of a durable storage");
  add_operator_options(*app, *options);
  return {app, [options, console] { return run_check(*options, console); }};
}

auto add_purge_command(CLI::App& program, Console console) -> Command {
  auto options = std::make_shared<PurgeOptions>();
  auto* app = program.add_subcommand(
      "purge", "Remove jobs that have ended from a durable storage; its file keeps the room for new ones");
  add_operator_options(*app, options->of);
  app->add_option("--older-than", options->older_than_s, "Only jobs that ended at least so many seconds ago")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  return {app, [options, console] { return run_purge(*options, console); }};
}

}  // namespace spider::cli
