#pragma once

/// How the input and the output of a task travel: `Codec<T>` turns a T into bytes and back.
///
/// Shipped: `std::string` (as it is), `bool`, every integer and floating-point type (as text, so
/// that a payload can be read in a database and written by another program), `std::vector` of
/// anything that has a codec, and `void` (no bytes).
///
/// For a type of your own, specialise it next to the type:
///
///   template <>
///   struct spider::Codec<Photo> {
///     static auto encode(const Photo& photo) -> spider::Bytes { return photo.path; }
///     static auto decode(const spider::Bytes& bytes) -> spider::Result<Photo> {
///       if (bytes.empty()) return spider::Error{spider::Errc::payload_error, "expected a Photo"};
///       return Photo{bytes};
///     }
///   };
///
/// Both functions may run on several threads at once. `decode` gets bytes that anybody may have
/// written: it answers `payload_error` with a detail that says what it expected, and does not throw.

#include "spider/error.hpp"
#include "spider/types.hpp"

#include <charconv>
#include <concepts>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace spider {
inline namespace v1 {

template <class T>
struct Codec;

/// T has a codec: it may be the input or the output of a handler.
template <class T>
concept Encodable = requires(const T& value, const Bytes& bytes) {
  { Codec<T>::encode(value) } -> std::same_as<Bytes>;
  { Codec<T>::decode(bytes) } -> std::same_as<Result<T>>;
};

/// An integer or floating-point type, `bool` and the character types other than `char` left out.
template <class T>
concept TextNumber = std::is_arithmetic_v<T> && !std::same_as<T, bool> && requires(char* at, T& value) {
  std::to_chars(at, at, value);
  std::from_chars(at, at, value);
};

namespace detail {

/// The error of a decode: what was expected, and the first bytes of what was found.
[[nodiscard]] auto expected_payload(std::string_view expected, std::string_view found) -> Error;

/// Takes one `<length>:<bytes>` off the front of `rest`, or leaves it and answers false.
[[nodiscard]] auto take_counted(std::string_view& rest, std::string_view& item) noexcept -> bool;
auto append_counted(Bytes& to, std::string_view item) -> void;

template <TextNumber T>
[[nodiscard]] constexpr auto number_name() noexcept -> std::string_view {
  if constexpr (std::is_floating_point_v<T>) return "a floating-point number";
  if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 1   ? "an integer of 8 bits"
           : sizeof(T) == 2 ? "an integer of 16 bits"
           : sizeof(T) == 4 ? "an integer of 32 bits"
                            : "an integer of 64 bits";
  }
  return sizeof(T) == 1   ? "an unsigned integer of 8 bits"
         : sizeof(T) == 2 ? "an unsigned integer of 16 bits"
         : sizeof(T) == 4 ? "an unsigned integer of 32 bits"
                          : "an unsigned integer of 64 bits";
}

}  // namespace detail

/// Nothing, as no bytes.
template <>
struct Codec<void> {
  [[nodiscard]] static auto encode() -> Bytes { return {}; }
  [[nodiscard]] static auto decode(const Bytes& bytes) -> Result<void> {
    if (!bytes.empty()) return detail::expected_payload("nothing", bytes);
    return success();
  }
};

/// The bytes themselves; any bytes will do.
template <>
struct Codec<std::string> {
  [[nodiscard]] static auto encode(const std::string& value) -> Bytes { return value; }
  [[nodiscard]] static auto decode(const Bytes& bytes) -> Result<std::string> { return bytes; }
};

/// `true` or `false`.
template <>
struct Codec<bool> {
  [[nodiscard]] static auto encode(bool value) -> Bytes { return value ? "true" : "false"; }
  [[nodiscard]] static auto decode(const Bytes& bytes) -> Result<bool> {
    if (bytes == "true") return true;
    if (bytes == "false") return false;
    return detail::expected_payload("true or false", bytes);
  }
};

/// Decimal text; floating points in the shortest form that reads back as the same value, `inf`,
/// `-inf` and `nan` included. The whole input must be the number: no blanks, no leading `+`, and a
/// value that T cannot hold is refused.
template <TextNumber T>
struct Codec<T> {
  [[nodiscard]] static auto encode(T value) -> Bytes {
    char text[64];  // NOLINT: the longest shortest form, of a long double, has under 30 characters
    const auto written = std::to_chars(std::begin(text), std::end(text), value);
    return Bytes{std::begin(text), written.ptr};
  }
  [[nodiscard]] static auto decode(const Bytes& bytes) -> Result<T> {
    T value{};
    const auto* const end = bytes.data() + bytes.size();
    const auto read = std::from_chars(bytes.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end) {
      return detail::expected_payload(detail::number_name<T>(), bytes);
    }
    return value;
  }
};

/// One `<length>:<bytes>` after the other, the length in decimal.
template <Encodable T>
struct Codec<std::vector<T>> {
  [[nodiscard]] static auto encode(const std::vector<T>& values) -> Bytes {
    Bytes bytes;
    for (const auto& value : values) detail::append_counted(bytes, Codec<T>::encode(value));
    return bytes;
  }
  [[nodiscard]] static auto decode(const Bytes& bytes) -> Result<std::vector<T>> {
    std::vector<T> values;
    std::string_view rest = bytes;
    std::string_view item;
    while (!rest.empty()) {
      if (!detail::take_counted(rest, item)) return detail::expected_payload("a list", rest);
      SPIDER_TRY(auto value, Codec<T>::decode(Bytes{item}));
      values.push_back(std::move(value));
    }
    return values;
  }
};

}  // namespace v1
}  // namespace spider
