#pragma once

/// Which tasks are equivalent work: tasks of one resource group that carry equal keys. If neither of two
/// has started, running either does the work of both; a storage then runs one, and folds the others into
/// that run (storage/equivalent_work.hpp says how). Off unless a task carries a key.
///
/// Plain values and pure functions. `CoalesceBy` (coalesce_by.hpp) derives keys from inputs.

#include "spider/async.hpp"
#include "spider/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {

/// An operation, and the target it works on as the values of the target's columns.
struct CoalesceKey {
  CoalesceKey() = default;
  CoalesceKey(std::string what, std::vector<std::optional<std::string>> where)
      : operation{std::move(what)}, target{std::move(where)} {}

  std::string operation;                           ///< a valid name (`is_valid_name`)
  std::vector<std::optional<std::string>> target;  ///< ≥ 1 column; an absent value is a value of its own

  friend auto operator==(const CoalesceKey&, const CoalesceKey&) -> bool = default;
};
static_assert(AsyncArgument<CoalesceKey>);

/// Of the canonical form.
inline constexpr std::size_t kCoalesceKeyBytesMax = 1024;

/// Errors: `invalid_name` (the operation), `invalid_argument` (no column: such a key cannot tell two
/// targets apart), `limit_exceeded` (longer than kCoalesceKeyBytesMax).
[[nodiscard]] auto check_key(const CoalesceKey& key) -> Result<void>;

/// The key as bytes; different keys have different bytes: "", the absent and the missing column too.
[[nodiscard]] auto canonical(const CoalesceKey& key) -> std::string;

/// A number for a canonical key, never 0: InboundEntry::coalesce_key. A hash, the same on every machine.
[[nodiscard]] auto key_number(std::string_view canonical_key) noexcept -> std::uint64_t;

/// What became of the look for equivalent work: at a submit, or at a start.
enum class FoldOutcome : std::uint8_t {
  not_coalescible,   ///< nobody looked: the task has no key, or the job is more than one task
  has_dependencies,  ///< tasks that wait for one of the two forbid it
  already_running,   ///< the equivalent has started: one more run follows it
  key_differs,       ///< nothing queued has this key
  folded,
};
inline constexpr std::size_t kFoldOutcomes = static_cast<std::size_t>(FoldOutcome::folded) + 1;
[[nodiscard]] auto to_string(FoldOutcome outcome) noexcept -> std::string_view;

}  // namespace v1
}  // namespace spider
