#pragma once

/// What the fuzz targets share. A target is one file that defines `LLVMFuzzerTestOneInput`; it hands the
/// bytes to one reader of untrusted input, and aborts where a promise of that reader is broken (I14).
///
/// Each target is built with the main of replay_corpus.cpp, which runs it over its corpus as a test, and,
/// where SPIDER_BUILD_FUZZERS is set, with libFuzzer. One thread.

#include "spider/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

/// Answers 0; −1: the input is larger than any that the target keeps. The name is libFuzzer's.
extern "C" auto LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) -> int;

namespace spider::fuzz {

/// Ends the program where a promise does not hold: a finding.
inline auto require(bool holds, const char* promise) -> void {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

[[nodiscard]] inline auto text_of(const std::uint8_t* data, std::size_t size) -> std::string_view {
  return {reinterpret_cast<const char*>(data), size};
}

/// A refusal is one of the documented ones, says why, and does not repeat all of its input.
inline auto require_documented(const Error& error, std::initializer_list<Errc> documented) -> void {
  constexpr std::size_t kDetailBytesMax = 4096;
  const bool known = std::ranges::any_of(documented, [&](Errc code) { return error == code; });
  if (!known) std::fprintf(stderr, "refused with: %s\n", error.message().c_str());
  require(known, "a refusal is one of the documented errors");
  require(!error.detail.empty(), "a refusal says why");
  require(error.detail.size() <= kDetailBytesMax, "a refusal is short");
}

}  // namespace spider::fuzz
