#include "cli/report/chart.hpp"

#include "cli/report/html.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace spider::cli {

namespace {

// In units of the picture, which is scaled to the width of the page.
constexpr double kPictureWidth = 1'000;
constexpr double kPlotLeft = 76;
constexpr double kPlotWidth = kPictureWidth - kPlotLeft - 14;
constexpr double kPlotTop = 8;
constexpr double kAxisHeight = 24;
constexpr double kCurveHeight = 150;
constexpr double kTimelineHeight = 500;
constexpr std::size_t kTaskBytesMax = 28;
constexpr std::size_t kJobBytesMax = 10;

auto number(double value) -> std::string { return coordinate(value); }

/// `<text>` at a place; `html` is escaped already.
auto label(double x, double y, std::string_view of_class, const std::string& html) -> std::string {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + std::string{of_class} + "\">" +
         html + "</text>\n";
}

auto line(double x, double y, double to_x, double to_y, std::string_view of_class) -> std::string {
  return "<path class=\"" + std::string{of_class} + "\" d=\"M" + number(x) + ' ' + number(y) + 'L' +
         number(to_x) + ' ' + number(to_y) + "\"/>\n";
}

/// A plot with time to the right.
class Plot {
 public:
  Plot(const RunPage& page, double height, const std::string& title) : page_{page}, height_{height} {
    html_ = "<svg viewBox=\"0 0 " + number(kPictureWidth) + ' ' + number(kPlotTop + height + kAxisHeight) +
            "\" role=\"img\" aria-label=\"" + title + "\">\n";
    for (const auto& tick : time_ticks(page.begin_s, page.end_s, 10)) {
      html_ += line(x(tick.at), kPlotTop, x(tick.at), bottom() + 4, "grid");
      html_ += label(x(tick.at), bottom() + 17, "tick middle", tick.label);
    }
  }

  [[nodiscard]] auto x(double at_s) const -> double {
    const auto span = page_.end_s - page_.begin_s;
    return kPlotLeft + (span > 0 ? std::clamp((at_s - page_.begin_s) / span, 0.0, 1.0) * kPlotWidth : 0);
  }
  [[nodiscard]] auto bottom() const -> double { return kPlotTop + height_; }
  /// Of a level, where `top` is the height of the plot.
  [[nodiscard]] auto y(double level, double top) const -> double {
    return bottom() - std::clamp(level / top, 0.0, 1.0) * height_;
  }

  auto add(const std::string& html) -> void { html_ += html; }
  auto add_levels(double top) -> void {
    for (const auto& tick : count_ticks(top, 6)) {
      html_ += line(kPlotLeft, y(tick.at, top), kPlotLeft + kPlotWidth, y(tick.at, top), "grid");
      html_ += label(kPlotLeft - 8, y(tick.at, top) + 4, "tick end", tick.label);
    }
  }
  [[nodiscard]] auto finish() -> std::string {
    html_ += line(kPlotLeft, bottom(), kPlotLeft + kPlotWidth, bottom(), "axis");
    return std::move(html_) + "</svg>\n";
  }

 private:
  const RunPage& page_;
  double height_;
  std::string html_;
};

/// The outline of levels that stay the same between one place and the next.
class Steps {
 public:
  Steps(double x, double y) : path_{'M' + number(x) + ' ' + number(y)}, y_{number(y)} {}

  auto to(double x, double y) -> void {
    const auto height = number(y);
    if (height != y_) path_ += 'H' + number(x) + 'V' + height;
    y_ = height;
  }
  [[nodiscard]] auto line_to(double x) const -> std::string { return path_ + 'H' + number(x); }
  [[nodiscard]] auto area_to(double x, double bottom) const -> std::string {
    return path_ + 'H' + number(x) + 'V' + number(bottom) + 'Z';
  }

 private:
  std::string path_;
  std::string y_;
};

auto path(const std::string& of_class, const std::string& steps) -> std::string {
  return "<path class=\"" + of_class + "\" d=\"" + steps + "\"/>\n";
}

auto row_height(const RunPage& page) -> double {
  return std::clamp(kTimelineHeight / std::max<double>(page.rows, 1), 2.5, 22.0);
}

/// Names of members, or numbers of task slots.
auto add_rows(Plot& plot, const RunPage& page) -> void {
  const auto height = row_height(page) / page.slots_per_row;
  if (page.members.size() > 1) {
    double slots = 0;
    for (const auto& member : page.members) {
      const auto top = kPlotTop + slots * height;
      if (slots > 0) plot.add(line(kPlotLeft - 60, top, kPlotLeft + kPlotWidth, top, "axis"));
      slots += member.rows;
      const auto block = member.rows * height;
      if (block >= 10) {
        plot.add(label(kPlotLeft - 8, top + block / 2 + 4, "tick end", html_text(member.name, 12)));
      }
    }
    return;
  }
  const auto slots = static_cast<double>(page.rows) * page.slots_per_row;
  const auto every = std::max(1.0, std::ceil(14 / height));
  const auto first = every > 1 ? every : 1;
  for (double slot = first; slot <= slots; slot += every) {
    plot.add(label(kPlotLeft - 8, kPlotTop + (slot - 0.5) * height + 4, "tick end",
                   count_text(static_cast<std::uint64_t>(slot))));
  }
}

auto title_of(const PageBar& bar) -> std::string {
  static constexpr std::string_view kEnds[] = {"", " · failed", " · not finished here", " · lost"};
  auto title = html_text(bar.task, kTaskBytesMax);
  if (!bar.job.empty()) title += " · " + html_text(bar.job, kJobBytesMax);
  return title + " · " + time_text(bar.end_s - bar.begin_s) + " from " + time_text(bar.begin_s) +
         std::string{kEnds[static_cast<std::size_t>(bar.how)]};
}

auto bar_html(const Plot& plot, const PageBar& bar, double height, const std::string& colour) -> std::string {
  const auto gap = height >= 4 ? 1.0 : 0.0;
  const auto failed = bar.how == InstanceEnd::failed;
  const auto x = plot.x(bar.begin_s);
  const auto lasted = plot.x(bar.end_s) - x;
  const auto width = std::max(lasted > 3 ? lasted - 0.7 : lasted, failed ? 3.0 : 0.8);
  const auto y = kPlotTop + bar.row * height;
  const auto gone = bar.how == InstanceEnd::given_back || bar.how == InstanceEnd::lost;
  auto html = "<rect class=\"" +
              (failed ? "failed"
               : gone ? "gone"
                      : colour) +
              "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) + "\" height=\"" +
              number(height - gap) + "\"><title>" + title_of(bar) + "</title></rect>\n";
  constexpr double kLetter = 6.2;
  const auto letters = static_cast<std::size_t>(std::max(0.0, (width - 8) / kLetter));
  if (height >= 14 && letters >= 5 && bar.task.size() <= std::min(letters, kTaskBytesMax)) {
    html += label(x + 4, y + height / 2 + 3.5, gone ? "in ink" : "in", html_text(bar.task, kTaskBytesMax));
  }
  return html;
}

/// Cells of one look are one path.
auto add_heat(Plot& plot, const RunPage& page, double height) -> void {
  constexpr std::size_t kStrengths = 5;
  const auto width = kPlotWidth / static_cast<double>(kPageHeatColumns);
  std::vector<std::string> looks((page.colours.size() + 2) * kStrengths);
  for (const auto& cell : page.heat) {
    const auto colour = std::min<std::size_t>(cell.colour, page.colours.size());
    const auto strength = std::clamp(std::ceil(cell.busy * kStrengths - 1e-6), 1.0, 1.0 * kStrengths) - 1;
    looks[colour * kStrengths + static_cast<std::size_t>(strength)] +=
        'M' + number(kPlotLeft + cell.column * width) + ' ' + number(kPlotTop + cell.row * height) + 'h' +
        number(width + 0.2) + 'v' + number(height) + 'h' + number(-width - 0.2) + 'z';
  }
  for (std::size_t look = 0; look < looks.size(); ++look) {
    if (looks[look].empty()) continue;
    plot.add(
        path(colour_class(page, look / kStrengths) + " s" + std::to_string(look % kStrengths), looks[look]));
  }
}

auto peak_of(const RunPage& page, std::uint64_t PageLoad::*level) -> std::uint64_t {
  std::uint64_t peak = 0;
  for (const auto& load : page.load) peak = std::max(peak, load.*level);
  return peak;
}

}  // namespace

auto colour_class(const RunPage& page, std::size_t colour) -> std::string {
  return colour < page.colours.size() ? 'c' + std::to_string(colour) : "other";
}

auto timeline_chart(const RunPage& page) -> std::string {
  const auto height = row_height(page);
  Plot plot{page, height * page.rows, "Timeline of workers"};
  add_rows(plot, page);
  for (const auto& bar : page.bars) plot.add(bar_html(plot, bar, height, colour_class(page, bar.colour)));
  add_heat(plot, page, height);
  return plot.finish();
}

auto running_chart(const RunPage& page) -> std::string {
  Plot plot{page, kCurveHeight, "Running tasks over time"};
  const auto peak = static_cast<double>(peak_of(page, &PageLoad::running_max));
  const auto workers = static_cast<double>(page.workers);
  const auto top = std::max(1.0, peak * 3 >= workers ? std::max(peak, workers) : peak * 1.15);
  plot.add_levels(top);
  // From the highest sum down: each area covers those behind it.
  for (auto colours = page.running.size(); colours > 0; --colours) {
    const auto& columns = page.running[colours - 1];
    const auto width = kPlotWidth / static_cast<double>(columns.size());
    Steps steps{kPlotLeft, plot.bottom()};
    for (std::size_t column = 0; column < columns.size(); ++column) {
      double sum = 0;
      for (std::size_t colour = 0; colour < colours; ++colour) sum += page.running[colour][column];
      steps.to(kPlotLeft + width * static_cast<double>(column), plot.y(sum, top));
    }
    plot.add(path(colour_class(page, colours - 1), steps.area_to(kPlotLeft + kPlotWidth, plot.bottom())));
  }
  if (!page.load.empty()) {
    Steps steps{plot.x(page.load[0].at_s), plot.bottom()};
    for (const auto& load : page.load) {
      steps.to(plot.x(load.at_s), plot.y(static_cast<double>(load.running_max), top));
    }
    plot.add(path("curve", steps.line_to(kPlotLeft + kPlotWidth)));
  }
  if (workers <= top) {
    plot.add(line(kPlotLeft, plot.y(workers, top), kPlotLeft + kPlotWidth, plot.y(workers, top), "limit"));
  }
  return plot.finish();
}

auto queue_chart(const RunPage& page) -> std::string {
  Plot plot{page, kCurveHeight, "Queued tasks over time"};
  const auto top = std::max(1.0, static_cast<double>(peak_of(page, &PageLoad::queued_max)));
  plot.add_levels(top);
  if (page.load.empty()) return plot.finish();
  Steps mean{plot.x(page.load[0].at_s), plot.bottom()};
  Steps most = mean;
  for (const auto& load : page.load) {
    mean.to(plot.x(load.at_s), plot.y(load.queued_mean, top));
    most.to(plot.x(load.at_s), plot.y(static_cast<double>(load.queued_max), top));
  }
  plot.add(path("queue", mean.area_to(kPlotLeft + kPlotWidth, plot.bottom())));
  plot.add(path("curve", most.line_to(kPlotLeft + kPlotWidth)));
  return plot.finish();
}

}  // namespace spider::cli
