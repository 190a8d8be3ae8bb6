"""Each rule of tidy.py refuses what it is there for, and lets the sound form pass."""

import pathlib
import unittest

import own_names
import tidy

TABLE = tidy.Floors(
    """
    floor 0: types async
    floor 1: dispatch_queue scheduler_core   # a comment
    floor 3: scheduler
    policy_core: policies/grouped
    """
)
SIBLINGS = frozenset({"include/spider/waiting.hpp", "examples/a.cpp"})
OTHERS = {"examples/a.cpp": "int main() {}\nint x;\n"}
TESTS = frozenset(tidy.named_tests("tests/unit/a_test.cpp", "TEST_F(Channel, KeepsOrder) {\n")) | frozenset(
    tidy.named_tests("mocks/spider/testing/storage_fence_checks.cpp", '    {"T9", "FenceKit", fence_kit},\n')
)
HEADER = "#pragma once\n\n/// What it is.\n\n"
LONG = "int f(int n) {\n" + "  n += 1;\n" * 70 + "}\n"

REFUSED = [  # rule, path, text, line
    ("floors", "include/spider/types.hpp", HEADER + '#include "spider/dispatch_queue.hpp"\n', 5),
    ("floors", "include/spider/dispatch_queue.hpp", HEADER + '#include "spider/fifo.hpp"\n', 5),
    ("floors", "include/spider/fifo.hpp", HEADER + '#include "spider/scheduler.hpp"\n', 5),
    ("floors", "include/spider/fifo.hpp", HEADER + '#include "spider/dispatch_channel.hpp"\n', 5),
    ("floors", "include/spider/policy_core.hpp", HEADER + '#include "spider/fifo.hpp"\n', 5),
    ("floors", "include/spider/scheduler.hpp", HEADER + '#include "spider/sim/world.hpp"\n', 5),
    ("floors", "src/fifo.cpp", '#include "spider/scheduler.hpp"\n', 1),
    ("floors", "mocks/spider/mocks/mock_core.hpp", '#pragma once\n#include "spider/fifo.hpp"\n', 2),
    ("drivers", "include/spider/storage/sqlite.hpp", HEADER + "#include <sqlite3.h>\n", 5),
    ("drivers", "include/spider/fifo.hpp", HEADER + "#include <concurrentqueue/concurrentqueue.h>\n", 5),
    ("sizes", "src/fifo.cpp", "int x;\n" * 401, 401),
    ("sizes", "src/fifo.cpp", "int before;\n" + LONG, 2),
    ("sizes", "src/fifo.cpp", "namespace spider {\nstruct S {\n" + LONG + "};\n}\n", 3),
    ("sizes", "src/fifo.cpp", "namespace a::b {\n\nauto f(int n)\n    -> int {\n" + "  n += 1;\n" * 70 + "}\n}\n", 3),
    ("sizes", "tests/unit/fifo_test.cpp", "TEST(Fifo, Long) {\n" + "  if (n) { g(); }\n" * 70 + "}\n", 1),
    ("include_order", "src/waiting.cpp", '#include <vector>\n#include "spider/waiting.hpp"\n', 1),
    ("include_order", "src/waiting.cpp", '#include "spider/types.hpp"\n#include "spider/waiting.hpp"\n', 1),
    ("include_order", "src/fifo.cpp", '#include <boost/asio/post.hpp>\n#include "spider/types.hpp"\n', 2),
    ("include_order", "src/fifo.cpp", "#include <vector>\n#include <boost/asio/post.hpp>\n", 2),
    ("header_form", "include/spider/fifo.hpp", "/// What it is.\n", 1),
    ("header_form", "include/spider/fifo.hpp", "#pragma once\n#include <vector>\n", 1),
    ("header_form", "mocks/spider/testing/app.hpp", "#pragma once\nusing namespace std;\n", 2),
    ("file_names", "src/FairShare.cpp", "", 1),
    ("file_names", "src/utils.cpp", "", 1),
    ("tests_are_built", "tests/fuzz/swf_test.cpp", "TEST(Swf, Reads) {}\n", 1),
    ("tests_are_built", "tests/swf_test.cpp", "TEST_F(Swf, Reads) {}\n", 1),
    ("tests_are_built", "tests/unit/swf.cpp", "TYPED_TEST(Swf, Reads) {}\n", 1),
    ("linked_tests", "docs/reliability.md", "proved\nby `Channel.LosesNothing`\n", 2),
    ("banned_calls", "tests/unit/a_test.cpp", "\nstd::this_thread::sleep_for(1ms);\n", 2),
    ("banned_calls", "mocks/spider/testing/app.hpp", "std::this_thread::sleep_until(t);\n", 1),
    ("banned_calls", "tests/race/a_test.cpp", "usleep(5);\n", 1),
    ("banned_calls", "src/fifo.cpp", "int x = rand() % 6;\n", 1),
    ("banned_calls", "src/fifo.cpp", "std::srand(1);\n", 1),
    ("banned_calls", "tests/unit/a_test.cpp", "std::uniform_int_distribution<int> die{1, 6};\n", 1),
    ("banned_calls", "src/fifo.cpp", "std::shuffle(a.begin(), a.end(), engine);\n", 1),
    ("banned_calls", "src/fifo.cpp", 'std::cout << "here";\n', 1),
    ("banned_calls", "include/spider/fifo.hpp", 'printf("here");\n', 1),
    ("banned_calls", "src/policies/fifo.cpp", "const auto now = std::chrono::steady_clock::now();\n", 1),
    ("banned_text", "src/fifo.cpp", "int x;  // TODO: later\n", 1),
    ("banned_text", "scripts/setup", "one\n" + "<" * 7 + " HEAD\n", 2),
    ("banned_text", "docs/guide.md", "Look at\n/home/someone/spider\n", 2),
    ("banned_text", "CMakeLists.txt", 'include_directories("/work/include")\n', 1),
    ("coroutine_conditions", "src/fifo.cpp", "if (co_await f()) g();\n", 1),
    ("coroutine_conditions", "src/fifo.cpp", "\nwhile (!(co_await f(a, b)).has_error()) {}\n", 2),
    ("coroutine_conditions", "src/fifo.cpp", "switch (co_await f()) {}\n", 1),
    ("coroutine_conditions", "src/fifo.cpp", "if (auto r = co_await f()) {}\n", 1),
    ("coroutine_conditions", "src/fifo.cpp", "if (int n = 0; co_await f(n)) {}\n", 1),
    ("coroutine_conditions", "src/fifo.cpp", "for (; co_await f();) {}\n", 1),
    ("coroutine_temporaries", "src/fifo.cpp", "auto r = co_await s.poll(PollRequest{.max_items = 5});\n", 1),
    ("coroutine_temporaries", "src/fifo.cpp", "co_await s.poll({.max_items = 5});\n", 1),
    ("coroutine_temporaries", "src/fifo.cpp", "co_await initiate([self] { self->go(); }, token);\n", 1),
    ("coroutine_lambdas", "src/fifo.cpp", "spawn([this]() -> Async<void> { co_await f(); });\n", 1),
    ("coroutine_lambdas", "src/fifo.cpp", "auto f = [&] {\n  co_return 1;\n};\n", 1),
    ("snippets", "docs/a.md", "\n```cpp\nint x;\n```\n", 2),
    ("snippets", "docs/a.md", "<!-- examples/gone.cpp -->\n```cpp\nint x;\n```\n", 1),
    ("snippets", "docs/a.md", "<!-- examples/a.cpp -->\n```cpp\nint y;\n```\n", 1),
]

PASSED = [  # path, text
    ("include/spider/async.hpp", HEADER + '#include "spider/types.hpp"\n'),
    ("include/spider/scheduler.hpp", HEADER + '#include "spider/fifo.hpp"\n#include "spider/types.hpp"\n'),
    ("include/spider/policy_core.hpp", HEADER + '#include "spider/policies/grouped.hpp"\n'),
    ("src/policy_core.cpp", '#include "spider/fifo.hpp"\n'),
    ("src/cli/main.cpp", '#include "spider/scheduler.hpp"\nstd::cout << 1;\n'),
    ("tests/unit/a_test.cpp", '#include "spider/scheduler.hpp"\n\n#include <gtest/gtest.h>\n\n#include <vector>\nTEST(A, B) {}\n'),
    ("src/waiting.cpp", '#include "spider/waiting.hpp"\n\n#include "waiting_list.hpp"\n\n#include <boost/x.hpp>\n\n#include <map>\n'),
    ("src/fifo.cpp", "struct S {\n" + "  int f() { return 1; }\n" * 100 + "};\n"),
    ("src/fifo.cpp", "constexpr int kTable[] = {\n" + "  1,\n" * 100 + "};\n"),
    ("src/fifo.cpp", "// rand(), co_await in if (co_await f()), std::cout\nauto s = \"if (co_await rand())\";\n"),
    ("src/fifo.cpp", "if (auto r = co_await f(); r) g();\nfor (auto x : items) co_await f(x);\n"),
    ("src/fifo.cpp", "const auto ok = co_await f(JobId{3}, items[n]);\nif (ok) g();\n"),
    ("src/fifo.cpp", "auto f = [] { co_return 1; };\nauto g = [x] { return x; };\nauto h = co_await list[index](a);\n"),
    ("src/fifo.cpp", "snprintf(buffer, 8, x); clock.sleep_until(t); grand(); brand(1);\n"),
    ("tests/unit/a_test.cpp", "co_await clock.sleep_until(t);\n"),
    ("docs/a.md", "<!-- examples/a.cpp -->\n```cpp\nint x;\n```\n```sh\nls\n```\n"),
    ("docs/reliability.md", "`Channel.KeepsOrder`, `StorageSuite.T9FenceKit`, `Clock.now()`, `types.hpp`\n"),
    ("scripts/test", 'cd "$root/work/x"; cat https://example.org/home/page ./tmp/x\n'),
]  # fmt: skip


class Tidy(unittest.TestCase):
    def test_refuses_each_bad_text(self):
        for rule, path, text, line in REFUSED:
            with self.subTest(rule=rule, path=path, text=text[:80]):
                file = tidy.File(path, text, SIBLINGS, OTHERS.get, TESTS)
                found = [(at, name) for at, name, _ in tidy.check(file, TABLE)]
                self.assertIn((line, rule), found)

    def test_passes_each_sound_text(self):
        for path, text in PASSED:
            with self.subTest(path=path, text=text[:80]):
                file = tidy.File(path, text, SIBLINGS, OTHERS.get, TESTS)
                self.assertEqual(tidy.check(file, TABLE), [])

    def test_every_rule_has_a_text_that_it_refuses(self):
        self.assertEqual({rule.__name__ for rule in tidy.RULES}, {rule for rule, *_ in REFUSED})

    def test_names_that_two_files_keep_to_themselves_differ(self):
        def found(first, second, folder="tests/unit"):
            unnamed = "namespace {{\n{}\n}}  // namespace\n".format
            codes = {"tests/unit/a_test.cpp": unnamed(first), f"{folder}/b_test.cpp": unnamed(second)}
            return [(path, name) for path, _, name, _ in own_names.breaches(codes)]

        for first, second, name in (
            ("struct World {", "class World final {", "World"),
            ("auto seed() -> int {", "auto seed() -> long {", "seed"),
            ("auto at(int second) -> T {", "void at(int when = 0) {", "at"),
            ("constexpr int kMax = 1;", "constexpr const char* kMax = {};", "kMax"),
            ("using Ids = int;", "using Ids = long;", "Ids"),
            ("using Ids = int;", "struct Ids {", "Ids"),
        ):
            self.assertEqual(found(first, second), [("tests/unit/b_test.cpp", name)])
            self.assertEqual(found(first, second, "tests/race"), [])
        self.assertEqual(found("using Json = a::json;", "using Json = a::json;"), [])
        self.assertEqual(found("auto at(int second) -> T {", "auto at(Duration time) -> T {"), [])

    def test_build_knows_the_same_test_folders(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        text = (root / "tests/CMakeLists.txt").read_text(encoding="utf-8")
        self.assertIn(f"foreach(folder IN ITEMS {' '.join(tidy.TEST_FOLDERS)})", text)

    def test_an_empty_tree_is_not_tidy(self):
        self.assertEqual(tidy.Floors("").of("anything"), 2)
        self.assertEqual(list(tidy.project_files(pathlib.Path("no such folder"))), [])


if __name__ == "__main__":
    unittest.main()
