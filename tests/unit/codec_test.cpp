#include "spider/codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

/// A user's own type.
struct Photo {
  std::string path;

  friend auto operator==(const Photo&, const Photo&) -> bool = default;
};

}  // namespace

template <>
struct spider::Codec<Photo> {
  static auto encode(const Photo& photo) -> spider::Bytes { return "photo " + photo.path; }
  static auto decode(const spider::Bytes& bytes) -> spider::Result<Photo> {
    if (!bytes.starts_with("photo ")) return spider::Error{spider::Errc::payload_error, "expected a Photo"};
    return Photo{bytes.substr(6)};
  }
};

namespace spider {
namespace {

static_assert(Encodable<std::string> && Encodable<bool> && Encodable<char> && Encodable<unsigned long long>);
static_assert(Encodable<long double> && Encodable<std::vector<std::vector<bool>>> && Encodable<Photo>);
static_assert(!Encodable<const char*> && !Encodable<void*> && !Encodable<std::vector<int*>>);

template <class T>
auto round_trip(const T& value) -> T {
  return Codec<T>::decode(Codec<T>::encode(value)).value();
}

template <class T>
auto decode_error(const Bytes& bytes) -> Error {
  const auto decoded = Codec<T>::decode(bytes);
  return decoded ? Error{} : decoded.error();
}

template <class T>
auto expect_limits_survive() -> void {
  using Limits = std::numeric_limits<T>;
  for (const auto value :
       {T{0}, T{1}, Limits::min(), Limits::max(), Limits::lowest(), Limits::denorm_min()}) {
    EXPECT_EQ(round_trip(value), value);
  }
}

TEST(Codec, TextIsItself) {
  const std::string any{"\0\xff in.jpg", 9};
  EXPECT_EQ(Codec<std::string>::encode(any), any);
  EXPECT_EQ(round_trip(any), any);
  EXPECT_EQ(round_trip(std::string{}), "");
}

TEST(Codec, NumbersSurviveAtTheirLimits) {
  expect_limits_survive<char>();
  expect_limits_survive<std::int8_t>();
  expect_limits_survive<std::uint8_t>();
  expect_limits_survive<std::int16_t>();
  expect_limits_survive<std::uint16_t>();
  expect_limits_survive<std::int32_t>();
  expect_limits_survive<std::uint32_t>();
  expect_limits_survive<std::int64_t>();
  expect_limits_survive<std::uint64_t>();
  expect_limits_survive<float>();
  expect_limits_survive<double>();
  EXPECT_EQ(round_trip(0.1), 0.1);
  EXPECT_EQ(round_trip(0.1L), 0.1L);
  EXPECT_EQ(Codec<int>::encode(-17), "-17");
}

TEST(Codec, NonFiniteFloatsAreDefined) {
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Codec<double>::encode(kInfinity), "inf");
  EXPECT_EQ(round_trip(kInfinity), kInfinity);
  EXPECT_EQ(round_trip(-kInfinity), -kInfinity);
  EXPECT_TRUE(std::isnan(round_trip(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(std::signbit(round_trip(-0.0)));
}

TEST(Codec, NumberThatIsNotTheWholeInputIsRefused) {
  for (const auto* const text : {"", " 1", "1 ", "+1", "1.5", "0x10", "twelve", "1\n"}) {
    EXPECT_EQ(decode_error<int>(text), Errc::payload_error) << '"' << text << '"';
  }
  for (const auto* const text : {"", " 1", "1,5", "1.5x", "+1.5"}) {
    EXPECT_EQ(decode_error<double>(text), Errc::payload_error) << '"' << text << '"';
  }
  EXPECT_EQ(decode_error<int>(Bytes{"1\0", 2}), Errc::payload_error);
}

TEST(Codec, NumberOutOfRangeIsRefused) {
  EXPECT_EQ(decode_error<std::int8_t>("128"), Errc::payload_error);
  EXPECT_EQ(decode_error<std::uint32_t>("-1"), Errc::payload_error);
  EXPECT_EQ(decode_error<std::uint64_t>("18446744073709551616"), Errc::payload_error);
  EXPECT_EQ(decode_error<double>("1e400"), Errc::payload_error);
}

TEST(Codec, ErrorSaysWhatWasExpectedAndFound) {
  EXPECT_EQ(decode_error<int>("twelve").detail, "expected an integer of 32 bits, found \"twelve\"");
  EXPECT_EQ(decode_error<double>("\x01").detail, "expected a floating-point number, found \"?\"");
  EXPECT_EQ(decode_error<std::uint16_t>(std::string(100, '9')).detail,
            "expected an unsigned integer of 16 bits, found \"" + std::string(40, '9') + "…\"");
}

TEST(Codec, BoolIsTrueOrFalse) {
  EXPECT_TRUE(round_trip(true));
  EXPECT_FALSE(round_trip(false));
  EXPECT_EQ(decode_error<bool>("1"), Errc::payload_error);
}

TEST(Codec, NothingIsNoBytes) {
  EXPECT_EQ(Codec<void>::encode(), "");
  EXPECT_TRUE(Codec<void>::decode(""));
  EXPECT_EQ(Codec<void>::decode("x").error(), Errc::payload_error);
}

TEST(Codec, ListsSurvive) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(round_trip(Names{}), Names{});
  EXPECT_EQ(round_trip(Names{"", "3:x", "a:b"}), (Names{"", "3:x", "a:b"}));
  EXPECT_EQ(Codec<Names>::encode({"in", ""}), "2:in0:");
  const std::vector<std::vector<bool>> bits{{true, false}, {}, {true}};
  EXPECT_EQ(round_trip(bits), bits);
}

TEST(Codec, BrokenListIsRefused) {
  for (const auto* const text :
       {"2", "2:", "2:a", "x", ":", "-1:", "99999999999999999999:a", "1:ab", "18446744073709551615:a"}) {
    EXPECT_EQ(decode_error<std::vector<std::string>>(text), Errc::payload_error) << '"' << text << '"';
  }
  EXPECT_EQ(decode_error<std::vector<int>>("1:x"), Errc::payload_error);
}

TEST(Codec, OwnTypeBringsItsOwn) {
  EXPECT_EQ(round_trip(Photo{"in.jpg"}), Photo{"in.jpg"});
  EXPECT_EQ(decode_error<Photo>("in.jpg"), Errc::payload_error);
  EXPECT_EQ(round_trip(std::vector<Photo>{{"a"}, {"b"}}), (std::vector<Photo>{{"a"}, {"b"}}));
}

}  // namespace
}  // namespace spider
