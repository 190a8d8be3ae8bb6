// The `spider` program with your own policy: a lottery, run on a log next to shipped policies. Called
// without arguments it compares them on a small log; otherwise it takes what `spider` takes.

#include "spider/cli/run_main.hpp"
#include "spider/policies/grouped.hpp"
#include "spider/rng.hpp"

#include <array>
#include <vector>

/// Each group with work holds one ticket; the seed makes every run draw the same.
class Lottery final : public spider::GroupPicker {
 public:
  auto active(const spider::GroupInfo& group, spider::TimePoint) -> void override {
    tickets_.push_back(group.key);
  }
  auto idle(spider::GroupKey group) -> void override { std::erase(tickets_, group); }
  auto forget(spider::GroupKey) -> void override {}
  auto pick(spider::TimePoint) -> spider::GroupKey override { return tickets_[rng_.below(tickets_.size())]; }
  auto finished(spider::GroupKey, spider::Duration) -> void override {}
  auto clear() -> void override { tickets_.clear(), rng_ = spider::Rng{1}; }
  [[nodiscard]] auto turn(spider::GroupKey) const -> std::uint64_t override { return 0; }
  [[nodiscard]] auto traits() const -> Traits override { return {"lottery", "none, but with luck", {}}; }

 private:
  std::vector<spider::GroupKey> tickets_;
  spider::Rng rng_{1};
};

auto lottery() -> spider::PolicyPart {
  const auto make = [](const spider::PolicyArguments&, spider::PolicyFactory inner) {
    return spider::Result<spider::PolicyFactory>{[inner] {
      return spider::grouped(spider::GroupBy::resource_group, std::make_unique<Lottery>(), inner);
    }};
  };
  return {"lottery", "draws the group to serve", {}, false, make};
}

auto main(int argc, char** argv) -> int {
  spider::PolicyRegistry registry;
  if (const auto added = registry.add(lottery()); !added) return 2;
  if (argc > 1) return spider::cli::run_main(argc, argv, registry);
  constexpr std::array kShow{
      "spider",    "compare", "examples/10_lottery/three_users.swf", "--policies", "fifo,fair-share,lottery",
      "--workers", "4"};
  return spider::cli::run_main(kShow.size(), kShow.data(), registry);
}
