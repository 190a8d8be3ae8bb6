// Payloads: the first byte chooses the type that the rest is decoded as.

#include "fuzz/fuzz_target.hpp"
#include "spider/codec.hpp"

#include <array>
#include <vector>

namespace spider::fuzz {
namespace {

/// What decodes, encodes to bytes that decode to the same; compared as bytes, as NaN equals nothing.
template <class T>
auto check(const Bytes& bytes) -> void {
  const auto value = Codec<T>::decode(bytes);
  if (!value) return require_documented(value.error(), {Errc::payload_error});
  if constexpr (!std::is_void_v<T>) {
    const auto encoded = Codec<T>::encode(value.value());
    const auto again = Codec<T>::decode(encoded);
    require(again.has_value(), "what was encoded can be decoded");
    require(Codec<T>::encode(again.value()) == encoded, "a value survives the way there and back");
  } else {
    require(bytes.empty() && Codec<void>::encode().empty(), "nothing is no bytes");
  }
}

constexpr std::array kChecks{
    check<void>,
    check<std::string>,
    check<bool>,
    check<std::int8_t>,
    check<std::uint8_t>,
    check<std::int16_t>,
    check<std::uint16_t>,
    check<std::int32_t>,
    check<std::uint32_t>,
    check<std::int64_t>,
    check<std::uint64_t>,
    check<float>,
    check<double>,
    check<long double>,
    check<std::vector<std::string>>,
    check<std::vector<std::int64_t>>,
    check<std::vector<double>>,
    check<std::vector<bool>>,
    check<std::vector<std::vector<std::string>>>,
    check<std::vector<std::vector<std::vector<std::uint32_t>>>>,
};

}  // namespace
}  // namespace spider::fuzz

extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int {
  if (size == 0) return 0;
  spider::fuzz::kChecks[data[0] % spider::fuzz::kChecks.size()](
      spider::Bytes{spider::fuzz::text_of(data + 1, size - 1)});
  return 0;
}
