#include "spider/coalesce_key.hpp"

#include "spider/codec.hpp"
#include "spider/types.hpp"
#include "stable_hash.hpp"

namespace spider {
inline namespace v1 {

auto check_key(const CoalesceKey& key) -> Result<void> {
  if (!is_valid_name(key.operation)) {
    return Error{Errc::invalid_name, "coalesce key: operation '" + key.operation.substr(0, 128) + '\''};
  }
  if (key.target.empty()) {
    return Error{Errc::invalid_argument, "coalesce key of " + key.operation +
                                             ": no column, so that it cannot tell two targets apart"};
  }
  std::size_t bytes = 0;
  for (const auto& column : key.target) {
    bytes += column ? column->size() + 2 : 1;
    if (bytes > kCoalesceKeyBytesMax) break;
  }
  if (bytes > kCoalesceKeyBytesMax || canonical(key).size() > kCoalesceKeyBytesMax) {
    return Error{Errc::limit_exceeded, "coalesce key of " + key.operation + ": longer than 1,024 bytes"};
  }
  return success();
}

auto canonical(const CoalesceKey& key) -> std::string {
  std::string bytes;
  detail::append_counted(bytes, key.operation);
  for (const auto& column : key.target) {
    if (column) {
      detail::append_counted(bytes, *column);
    } else {
      bytes += '-';  // a count begins with a digit
    }
  }
  return bytes;
}

auto key_number(std::string_view canonical_key) noexcept -> std::uint64_t {
  const auto number = detail::stable_hash(canonical_key);
  return number == 0 ? 1 : number;
}

auto to_string(FoldOutcome outcome) noexcept -> std::string_view {
  constexpr std::string_view kNames[] = {"not_coalescible", "has_dependencies", "already_running",
                                         "key_differs", "folded"};
  static_assert(std::size(kNames) == kFoldOutcomes);
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace v1
}  // namespace spider
