#include "spider/policies/registry.hpp"

#include "spider/policies/fair_share.hpp"
#include "spider/policies/fifo.hpp"
#include "spider/policies/job_round_robin.hpp"
#include "spider/policies/priority.hpp"
#include "spider/policies/weighted_fair_share.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace spider {
inline namespace v1 {
namespace {

constexpr std::string_view kLeaf = "fifo";
constexpr std::uint64_t kOptionMax = 1U << 20U;

/// One part of a specification as written: a name and its arguments.
struct WrittenPart {
  std::string name;
  PolicyArguments arguments;
};

auto is_part_name(std::string_view name) -> bool {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

auto malformed(std::string_view part) -> Error {
  std::string detail{"'"};
  detail.append(part).append("' is no part of a policy: name(argument=number,...)");
  return {Errc::parse_error, std::move(detail)};
}

auto parse_arguments(std::string_view part, std::string_view text) -> Result<PolicyArguments> {
  PolicyArguments arguments;
  while (true) {
    const auto item = text.substr(0, text.find(','));
    const auto equals = item.find('=');
    if (equals == 0 || equals == std::string_view::npos) return malformed(part);
    const auto digits = item.substr(equals + 1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return malformed(part);
    if (!arguments.emplace(item.substr(0, equals), value).second) return malformed(part);
    if (item.size() == text.size()) return arguments;
    text.remove_prefix(item.size() + 1);
  }
}

auto parse_part(std::string_view text) -> Result<WrittenPart> {
  const auto open = text.find('(');
  WrittenPart part{std::string{text.substr(0, open)}, {}};
  if (part.name.empty()) return malformed(text);
  if (open == std::string_view::npos) return part;
  if (text.back() != ')') return malformed(text);
  SPIDER_TRY(part.arguments, parse_arguments(text, text.substr(open + 1, text.size() - open - 2)));
  return part;
}

auto parse_spec(std::string_view spec) -> Result<std::vector<WrittenPart>> {
  std::vector<WrittenPart> parts;
  while (true) {
    const auto text = spec.substr(0, spec.find('/'));
    SPIDER_TRY(auto part, parse_part(text));
    parts.push_back(std::move(part));
    if (text.size() == spec.size()) return parts;
    if (parts.size() == PolicyRegistry::kDepthMax) {
      return Error{Errc::limit_exceeded,
                   "a policy has at most " + std::to_string(PolicyRegistry::kDepthMax) + " parts"};
    }
    spec.remove_prefix(text.size() + 1);
  }
}

/// The argument's value, or `otherwise`. Errors: `invalid_argument` outside [least, kOptionMax].
auto number(const PolicyArguments& arguments, std::string_view name, std::uint64_t least,
            std::uint32_t otherwise) -> Result<std::uint32_t> {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return otherwise;
  if (found->second < least || found->second > kOptionMax) {
    return Error{Errc::invalid_argument, std::string{name} + "=" + std::to_string(found->second) + ": from " +
                                             std::to_string(least) + " to " + std::to_string(kOptionMax)};
  }
  return static_cast<std::uint32_t>(found->second);
}

auto make_fifo_part(const PolicyArguments&, const PolicyFactory&) -> Result<PolicyFactory> {
  return fifo_leaves();
}

auto make_weighted_part(bool measured, PolicyFactory inner) -> Result<PolicyFactory> {
  WeightedFairShareOptions options;
  options.measured = measured;
  SPIDER_TRY(weighted_fair_share_picker(options));
  return PolicyFactory{
      [inner = std::move(inner), options] { return make_weighted_fair_share(inner, options).value(); }};
}

auto make_fair_share_part(const PolicyArguments& arguments, PolicyFactory inner) -> Result<PolicyFactory> {
  FairShareOptions options;
  SPIDER_TRY(options.overtakes_max, number(arguments, "overtakes", 0, options.overtakes_max));
  SPIDER_TRY(const auto weighted, number(arguments, "weighted", 0, 0));
  SPIDER_TRY(const auto measured, number(arguments, "measured", 0, 0));
  if (weighted > 0 || measured > 0) {
    if (arguments.contains("overtakes")) {
      return Error{Errc::invalid_argument, "fair-share: overtakes goes with neither weighted nor measured"};
    }
    return make_weighted_part(measured > 0, std::move(inner));
  }
  return PolicyFactory{[inner = std::move(inner), options] { return make_fair_share(inner, options); }};
}

auto make_priority_part(const PolicyArguments& arguments, PolicyFactory inner) -> Result<PolicyFactory> {
  PriorityOptions options;
  SPIDER_TRY(options.share, number(arguments, "share", 2, options.share));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.stale_after).count();
  SPIDER_TRY(const auto stale, number(arguments, "stale", 1, static_cast<std::uint32_t>(seconds)));
  options.stale_after = std::chrono::seconds{stale};
  return PolicyFactory{[inner = std::move(inner), options] { return make_priority(inner, options).value(); }};
}

auto make_job_round_robin_part(const PolicyArguments& arguments, PolicyFactory inner)
    -> Result<PolicyFactory> {
  JobRoundRobinOptions options;
  SPIDER_TRY(options.active_jobs, number(arguments, "active", 1, options.active_jobs));
  SPIDER_TRY(options.turns_max, number(arguments, "turns", 1, options.turns_max));
  return PolicyFactory{[inner = std::move(inner), options] { return make_job_round_robin(inner, options); }};
}

/// The parts of one stack, outermost first.
using Stack = std::vector<std::pair<PolicyPart, PolicyArguments>>;

auto build(const Stack& stack) -> Result<PolicyFactory> {
  PolicyFactory factory;
  for (auto level = stack.rbegin(); level != stack.rend(); ++level) {
    SPIDER_TRY(factory, level->first.make(level->second, std::move(factory)));
  }
  return factory;
}

auto find_part(const std::vector<PolicyPart>& parts, const WrittenPart& written) -> Result<PolicyPart> {
  std::string known;
  for (const auto& part : parts) {
    known += (known.empty() ? "" : ", ") + part.name;
    if (part.name != written.name) continue;
    for (const auto& [name, value] : written.arguments) {
      if (std::find(part.arguments.begin(), part.arguments.end(), name) == part.arguments.end()) {
        return Error{Errc::invalid_argument, part.name + " has no argument '" + name + "'"};
      }
    }
    return part;
  }
  return Error{Errc::unknown_policy, "'" + written.name + "'; known: " + known};
}

}  // namespace

PolicyRegistry::PolicyRegistry()
    : parts_{{"fifo", "by submission of the job, then by readiness of the task", {}, true, make_fifo_part},
             {"fair-share",
              "the resource group served longest ago goes next",
              {"overtakes", "weighted", "measured"},
              false,
              make_fair_share_part},
             {"priority",
              "the most urgent class goes next; lower ones have a reserved share and bounded staleness",
              {"share", "stale"},
              false,
              make_priority_part},
             {"job-round-robin",
              "the jobs in rotation offer one task each in turn",
              {"active", "turns"},
              false,
              make_job_round_robin_part}} {}

auto PolicyRegistry::add(PolicyPart part) -> Result<void> {
  if (!is_part_name(part.name)) return Error{Errc::invalid_name, "policy: '" + part.name + "'"};
  if (!part.make) return Error{Errc::invalid_argument, "policy " + part.name + " has nothing to make it"};
  for (const auto& known : parts_) {
    if (known.name == part.name) return Error{Errc::duplicate_name, "policy: " + part.name};
  }
  parts_.push_back(std::move(part));
  return success();
}

auto PolicyRegistry::add(std::string name, std::string summary, PolicyFactory factory) -> Result<void> {
  if (!factory) return Error{Errc::invalid_argument, "policy " + name + " has nothing to make it"};
  return add(
      {std::move(name),
       std::move(summary),
       {},
       true,
       [factory = std::move(factory)](const PolicyArguments&, const PolicyFactory&) -> Result<PolicyFactory> {
         return factory;
       }});
}

auto PolicyRegistry::make(std::string_view spec) const -> Result<PolicyFactory> {
  SPIDER_TRY(auto written, parse_spec(spec));
  Stack stack;
  for (auto& part : written) {
    if (!stack.empty() && stack.back().first.leaf) {
      return Error{Errc::invalid_argument,
                   stack.back().first.name + " holds the entries: '" + part.name + "' cannot follow it"};
    }
    SPIDER_TRY(auto found, find_part(parts_, part));
    stack.emplace_back(std::move(found), std::move(part.arguments));
  }
  if (!stack.back().first.leaf) {
    SPIDER_TRY(auto leaf, find_part(parts_, {std::string{kLeaf}, {}}));
    stack.emplace_back(std::move(leaf), PolicyArguments{});
  }
  SPIDER_TRY(build(stack));
  // Leaves made by one factory share memory, hence a new one for every policy.
  return PolicyFactory{[stack = std::move(stack)] { return build(stack).value()(); }};
}

auto PolicyRegistry::list() const -> std::vector<PolicyListing> {
  std::vector<PolicyListing> listing;
  for (const auto& part : parts_) {
    const auto factory = make(part.name);
    listing.push_back({part.name, part.arguments, part.summary,
                       factory ? factory.value()()->traits().bound : factory.error().message()});
  }
  return listing;
}

auto make_policy(std::string_view spec) -> Result<std::unique_ptr<SchedulingPolicy>> {
  SPIDER_TRY(const auto factory, PolicyRegistry{}.make(spec));
  return factory();
}

}  // namespace v1
}  // namespace spider
