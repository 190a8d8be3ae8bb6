#pragma once

/// The weights of a resource group that are accepted, wherever one is given.

namespace spider::inline v1::detail {

inline constexpr double kWeightMin = 0.001;
inline constexpr double kWeightMax = 1e6;

}  // namespace spider::inline v1::detail
