#pragma once

// Recorded workloads and the tables of reference figures that come with them: $SPIDER_TRACES/SOURCES.md,
// where each table's first column is "file" and the headings say what is meant.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace spider::cli {

using Cells = std::vector<std::string>;

inline auto split(const std::string& text, const std::string& separator) -> Cells {
  Cells parts;
  std::size_t begin = 0;
  while (true) {
    const auto end = text.find(separator, begin);
    auto part = text.substr(begin, end == std::string::npos ? end : end - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(part);
    if (end == std::string::npos) return parts;
    begin = end + separator.size();
  }
}

inline auto cells_of(const std::string& line) -> Cells {
  auto cells = split(line, "|");
  return {cells.begin() + 1, cells.end() - 1};
}

struct Row {
  std::string file;
  std::map<std::string, std::string> figures;  ///< by heading
};

/// The rows of the tables that have a column `heading`.
inline auto rows_with(const std::filesystem::path& sources, const std::string& heading) -> std::vector<Row> {
  std::ifstream in{sources};
  std::vector<Row> rows;
  Cells headings;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('|')) {
      headings.clear();
    } else if (headings.empty()) {
      headings = cells_of(line);
    } else if (const auto cells = cells_of(line); !line.starts_with("|-") && headings[0] == "file" &&
                                                  std::count(headings.begin(), headings.end(), heading)) {
      Row row{cells[0], {}};
      for (std::size_t i = 1; i < cells.size(); ++i) row.figures[headings[i]] = cells[i];
      rows.push_back(row);
    }
  }
  return rows;
}

/// Skips where SPIDER_TRACES is not set.
class RecordedWorkloads : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SPIDER_TRACES");
    if (folder == nullptr) GTEST_SKIP() << "SPIDER_TRACES is not set";
    traces_ = folder;
  }

  [[nodiscard]] auto path_of(const std::string& file) const -> std::filesystem::path {
    for (const auto* folder : {"wfformat", "swf", "other"}) {
      if (exists(traces_ / folder / file)) return traces_ / folder / file;
    }
    return traces_ / file;
  }

  [[nodiscard]] auto rows(const std::string& heading) const -> std::vector<Row> {
    return rows_with(traces_ / "SOURCES.md", heading);
  }

  std::filesystem::path traces_;
};

}  // namespace spider::cli
