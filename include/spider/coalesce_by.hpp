#pragma once

/// How the inputs of a handler become coalesce keys: which of them fold, and which fields tell two
/// targets apart.
///
///   handlers.add("reindex", reindex)
///       .coalesce("reindex", CoalesceBy<Target>{}.column("table", &Target::table)
///                                                .column("part", &Target::part)
///                                                .apart({"orders", 1}, {"orders", 2}));
///
/// Functions that are passed in are pure, and may be called from any thread.

#include "spider/coalesce_key.hpp"
#include "spider/codec.hpp"

#include <algorithm>
#include <concepts>
#include <functional>
#include <type_traits>

namespace spider {
inline namespace v1 {

namespace detail {

template <class T>
[[nodiscard]] auto column_text(const T& value) -> std::optional<std::string> {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return std::string{std::string_view{value}};
  } else {
    static_assert(Encodable<T>, "give the type of this column a spider::Codec: see spider/codec.hpp");
    return Codec<T>::encode(value);
  }
}
template <class T>
[[nodiscard]] auto column_text(const std::optional<T>& value) -> std::optional<std::string> {
  return value ? column_text(*value) : std::nullopt;
}

}  // namespace detail

/// Makes keys of inputs of type `Target`. A plain value; thread-safe once it is complete.
template <class Target>
class CoalesceBy {
 public:
  using Column = std::function<std::optional<std::string>(const Target&)>;

  /// One more column. An empty optional is an absent value.
  template <class Field>
  auto column(std::string name, Field Target::*field) -> CoalesceBy& {
    return column(std::move(name),
                  [field](const Target& target) { return detail::column_text(target.*field); });
  }
  auto column(std::string name, Column value) -> CoalesceBy& {
    columns_.push_back({std::move(name), std::move(value)});
    return *this;
  }
  /// Only targets of which this is true fold.
  auto only(std::function<bool(const Target&)> folds) -> CoalesceBy& {
    folds_ = std::move(folds);
    return *this;
  }
  /// Two targets that are not the same work: `check` refuses columns that do not tell them apart.
  auto apart(Target one, Target other) -> CoalesceBy& {
    apart_.emplace_back(std::move(one), std::move(other));
    return *this;
  }

  /// The key of an operation on the target; none where it does not fold.
  [[nodiscard]] auto key(const std::string& operation, const Target& target) const
      -> std::optional<CoalesceKey> {
    if (folds_ && !folds_(target)) return std::nullopt;
    CoalesceKey key{operation, {}};
    for (const auto& [name, value] : columns_) key.target.push_back(value(target));
    return key;
  }

  /// Errors: `invalid_argument` when keys could not tell two targets apart (no column; a pair of `apart`
  /// with one key), `duplicate_name` (two columns of one name), `invalid_name` (a column's).
  [[nodiscard]] auto check() const -> Result<void> {
    if (columns_.empty()) return Error{Errc::invalid_argument, "no column tells two targets apart"};
    for (auto column = columns_.begin(); column != columns_.end(); ++column) {
      if (!is_valid_name(column->name)) return Error{Errc::invalid_name, "a column's name"};
      const auto same = [&](const auto& other) { return other.name == column->name; };
      if (std::any_of(columns_.begin(), column, same)) {
        return Error{Errc::duplicate_name, "column " + column->name};
      }
    }
    for (const auto& [one, other] : apart_) {
      if (key("x", one) == key("x", other)) {
        return Error{Errc::invalid_argument, "two targets that are to be kept apart have one key"};
      }
    }
    return success();
  }

 private:
  struct Named {
    std::string name;
    Column value;
  };
  std::vector<Named> columns_;
  std::function<bool(const Target&)> folds_;
  std::vector<std::pair<Target, Target>> apart_;
};

/// Inputs that are equal as a whole are the same work.
template <class Input>
[[nodiscard]] auto coalesce_by_input() -> CoalesceBy<Input> {
  CoalesceBy<Input> by;
  by.column("input", [](const Input& input) { return detail::column_text(input); });
  return by;
}

}  // namespace v1
}  // namespace spider
