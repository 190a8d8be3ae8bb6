#include "cli/workload/load.hpp"

#include "cli/workload/stage_csv.hpp"
#include "cli/workload/swf.hpp"
#include "cli/workload/synthetic.hpp"
#include "cli/workload/text.hpp"
#include "cli/workload/wfformat.hpp"

#include <string_view>

namespace spider::cli {
namespace {

using Parser = auto(*)(std::string_view, const std::string&, const WorkloadLimits&) -> Result<Workload>;

auto parser_for(std::string_view path) -> Parser {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".json")) return parse_wfformat;
  if (path.ends_with(".swf")) return parse_swf;
  if (path.ends_with(".csv")) return parse_stage_csv;
  return nullptr;
}

}  // namespace

auto load_workload(const std::string& specification, const WorkloadLimits& limits) -> Result<Workload> {
  if (specification.starts_with(kSyntheticPrefix)) return make_synthetic(specification, limits);
  const auto parse = parser_for(specification);
  if (parse == nullptr) {
    return Error{Errc::invalid_argument,
                 specification +
                     ": expected a file ending in .json, .swf or .csv (perhaps with .gz behind), or " +
                     std::string{kSyntheticPrefix} + "jobs=J,tasks=T,groups=G,width=W,seconds=S,seed=N"};
  }
  SPIDER_TRY(const auto text, read_text(specification, limits));
  return parse(text, specification, limits);
}

}  // namespace spider::cli
