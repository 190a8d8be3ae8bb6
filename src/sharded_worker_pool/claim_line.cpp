#include "sharded_worker_pool/claim_line.hpp"

#include <utility>

namespace spider::inline v1::detail {

auto ClaimLine::wake_first() -> void {
  const std::scoped_lock lock{mutex_};
  if (!places_.empty()) places_.front()->notify_all();
}

auto ClaimLine::close() -> void {
  const std::scoped_lock lock{mutex_};
  closed_ = true;
  for (const auto& place : places_) place->close();
}

PlaceInLine::PlaceInLine(std::shared_ptr<void> owner, ClaimLine& line, Clock& clock)
    : owner_{std::move(owner)}, line_{line}, waiting_{WaitingLine::make(clock)} {
  const std::scoped_lock lock{line_.mutex_};
  if (line_.closed_) waiting_->close();
  if (line_.places_.size() >= line_.waiting_max_) return;
  position_ = line_.places_.insert(line_.places_.end(), waiting_);
  line_.size_.store(line_.places_.size(), std::memory_order_relaxed);
  joined_ = true;
}

PlaceInLine::~PlaceInLine() {
  if (!joined_) return;
  const std::scoped_lock lock{line_.mutex_};
  const bool was_first = position_ == line_.places_.begin();
  line_.places_.erase(position_);
  line_.size_.store(line_.places_.size(), std::memory_order_relaxed);
  if (was_first && !line_.places_.empty()) line_.places_.front()->notify_all();
}

auto PlaceInLine::is_first() const -> bool {
  const std::scoped_lock lock{line_.mutex_};
  return position_ == line_.places_.begin();
}

}  // namespace spider::inline v1::detail
