#include "spider/codec.hpp"

#include <algorithm>

namespace spider {
inline namespace v1 {
namespace detail {

namespace {

constexpr std::size_t kShownBytesMax = 40;

auto shown(std::string_view found) -> std::string {
  std::string text{found.substr(0, kShownBytesMax)};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return found.size() > kShownBytesMax ? text + "…" : text;
}

}  // namespace

auto expected_payload(std::string_view expected, std::string_view found) -> Error {
  std::string detail{"expected "};
  detail.append(expected).append(", found \"").append(shown(found)).append("\"");
  return Error{Errc::payload_error, std::move(detail)};
}

auto take_counted(std::string_view& rest, std::string_view& item) noexcept -> bool {
  std::size_t length = 0;
  const auto* const end = rest.data() + rest.size();
  const auto read = std::from_chars(rest.data(), end, length);
  if (read.ec != std::errc{} || read.ptr == end || *read.ptr != ':') return false;
  const auto body = static_cast<std::size_t>(read.ptr + 1 - rest.data());
  if (length > rest.size() - body) return false;
  item = rest.substr(body, length);
  rest.remove_prefix(body + length);
  return true;
}

auto append_counted(Bytes& to, std::string_view item) -> void {
  to.append(std::to_string(item.size())).append(":").append(item);
}

}  // namespace detail
}  // namespace v1
}  // namespace spider
