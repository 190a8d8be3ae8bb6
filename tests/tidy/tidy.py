"""Keeps the rules of this project that a program can keep.

    python3 tests/tidy/tidy.py [ROOT]

Prints `file:line: [rule] what` for each breach; exit status 1 when there is one. tidy_test.py shows
for each rule a text that it refuses.
"""

import pathlib
import re
import sys

import cpp_text
import own_names

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
TEST_FOLDERS = ("unit", "contract", "race", "sim", "integration")  # each one a program, all of it built
SKIPPED_FOLDERS = {"build", ".git", ".cache", "__pycache__", "corpus"}
TEXT_SUFFIXES = {".hpp", ".cpp", ".py", ".bash", ".cmake", ".txt", ".md", ".json", ".yml", ""}


class Floors:
    """Which floor a header of include/spider is on, as floors.txt says."""

    def __init__(self, text):
        self.floors, self.holds = {}, {}
        for line in text.splitlines():
            names = line.split("#")[0].strip()
            if not names:
                continue
            key, _, rest = names.partition(":")
            if key.startswith("floor "):
                for name in rest.split():
                    self.floors[name] = int(key.split()[1])
            else:
                self.holds.setdefault(key.strip(), set()).update(rest.split())

    def of(self, name):
        if name.startswith(("sim/", "cli/")):
            return 4
        return self.floors.get(name, 2)


class File:
    def __init__(self, path, text, siblings=frozenset(), read=None, tests=frozenset()):
        self.path, self.text, self.siblings, self.tests = path, text, siblings, tests
        self.read = read or (lambda _: "")  # the text of another file
        self.is_header = path.endswith(".hpp")
        self.is_cpp = path.endswith((".hpp", ".cpp"))
        self.code = cpp_text.without_comments_and_strings(text) if self.is_cpp else ""
        self.includes = [
            (cpp_text.line_of(text, m.start()), m.group(1))
            for m in re.finditer(r'^#\s*include\s*(<[^>]+>|"[^"]+")', text, re.MULTILINE)
        ] if self.is_cpp else []

    def under(self, *folders):
        return self.path.startswith(tuple(folder + "/" for folder in folders))

    def line(self, offset):
        return cpp_text.line_of(self.text, offset)


# --- Floors ------------------------------------------------------------------------------------


def floors(file, table):
    if file.under("include/spider"):
        own, limit = name_of(file.path, "include/spider/"), None
    elif file.under("mocks/spider/mocks"):
        own, limit = None, 1
    elif file.under("src") and not file.under("src/cli"):
        own, limit = None, max(table.of(name_of(file.path, "src/")), 2)
    else:
        return
    for line, include in file.includes:
        if not include.startswith('"spider/') or include.startswith(('"spider/mocks/', '"spider/testing/')):
            continue
        other = name_of(include.strip('"'), "spider/")
        if limit is not None and table.of(other) > limit:
            yield line, f"{other} is on floor {table.of(other)}, this file may include up to {limit}"
        elif own is not None and table.of(other) > table.of(own):
            yield line, f"{other} is on floor {table.of(other)}, above floor {table.of(own)} of {own}"
        elif own is not None and table.of(own) == table.of(other) == 2 and other not in table.holds.get(own, ()):
            yield line, f"{own} and {other} are both parts (floor 2): a part includes another only to hold it"


def name_of(path, prefix):
    return re.sub(r"\.[ch]pp$", "", path[len(prefix) :])


def drivers(file, _):
    banned = r"sqlite3|libpq|pq-fe|hiredis|mysql|concurrentqueue|nlohmann|simdjson|rapidjson|CLI/|zlib"
    if file.under("include"):
        for line, include in file.includes:
            if re.search(banned, include):
                yield line, f"{include} in a public header"


# --- Form --------------------------------------------------------------------------------------


def sizes(file, _):
    if file.path.endswith((".hpp", ".cpp", ".py", ".bash")):
        lines = file.text.count("\n")
        if lines > FILE_LINES_MAX:
            yield lines, f"{lines} lines, at most {FILE_LINES_MAX}"
    if file.is_cpp:
        for first, last in cpp_text.functions(file.code):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield first, f"a function of {last - first + 1} lines, at most {FUNCTION_LINES_MAX}"


def include_order(file, _):
    """The own header, then quoted, then other libraries, then the standard library."""
    kinds = ("the own header", "a header of this project", "a library's header", "a standard header")
    own = '"spider/' + name_of(file.path, "src/") + '.hpp"' if file.under("src") else ""
    has_own = own and "include/" + own.strip('"') in file.siblings
    highest = 0
    for index, (line, include) in enumerate(file.includes):
        if has_own and index == 0 and include != own:
            yield line, f"{own} comes first"
        if include.startswith('"'):
            rank = 0 if include == own else 1
        else:
            rank = 2 if re.search(r"[/.]", include) else 3
        if rank < highest:
            yield line, f"{include} after {kinds[highest]}"
        highest = max(highest, rank)


def header_form(file, _):
    if not file.is_header:
        return
    if "#pragma once" not in file.code:
        yield 1, "no #pragma once"
    if file.under("include") and not re.match(r"\s*#pragma once\s*///", file.text):
        yield 1, "a public header begins with #pragma once and a /// comment that says what it is"
    for match in re.finditer(r"\busing\s+namespace\b", file.code):
        yield file.line(match.start()), "using namespace in a header"


def file_names(file, _):
    name = file.path.rsplit("/", 1)[-1]
    if file.is_cpp and not re.fullmatch(r"[a-z0-9_]+\.[ch]pp", name):
        yield 1, "file names are snake_case"
    if file.is_cpp and re.match(r"(utils?|common|helpers?|misc)\.", name):
        yield 1, "name the file by its subject"


def tests_are_built(file, _):
    if not file.under("tests") or file.under("tests/package") or not file.path.endswith(".cpp"):
        return  # tests/package is a project of its own
    parts = file.path.split("/")
    if re.search(r"^(?:TYPED_)?TEST(?:_[FP])?\(", file.code, re.MULTILINE):
        if parts[1] not in TEST_FOLDERS:
            yield 1, f"tests live in tests/{{{','.join(TEST_FOLDERS)}}}, no program is made of this folder"
        if not file.path.endswith("_test.cpp"):
            yield 1, "a file with tests is named <unit>_test.cpp"


# --- Documents ---------------------------------------------------------------------------------


def snippets(file, _):
    """`<!-- FILE -->` before a block of C++: what the page shows is part of a file that is compiled."""
    if not (file.under("docs") and file.path.endswith(".md")):
        return
    for block in re.finditer(r"(?:<!-- (\S+) -->\n)?```cpp\n(.*?)```", file.text, re.DOTALL):
        source, shown = block.groups()
        if not source:
            yield file.line(block.start()), "a block of C++ without the file that it is cut from"
        elif source not in file.siblings:
            yield file.line(block.start()), f"{source} is not there"
        elif shown not in file.read(source):
            yield file.line(block.start()), f"this is not in {source}"


def named_tests(path, text):
    """The tests that `text` defines, as "Suite.Name"; a check of a contract suite is one of them."""
    if path.startswith("tests/") and path.endswith(".cpp"):
        for suite, name in re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", text, re.MULTILINE):
            yield f"{suite}.{name}"
    match = re.match(r"mocks/spider/testing/(dispatch_queue|storage|scheduler_core|worker_pool)_\w+\.cpp$", path)
    if match:
        suite = match.group(1).title().replace("_", "") + "Suite"
        for rule, name in re.findall(r'\{"(\w+)", "(\w+)", ', text):
            yield f"{suite}.{rule}{name}"


def linked_tests(file, _):
    """A document that names a test as `Suite.Name` names one that exists."""
    if not file.under("docs"):
        return
    for match in re.finditer(r"`([A-Z]\w+\.[A-Z]\w+)`", file.text):
        if match.group(1) not in file.tests:
            yield file.line(match.start()), f"there is no test {match.group(1)}"


# --- Banned text -------------------------------------------------------------------------------

BANNED = (  # where, in code only, pattern, what
    (("tests", "mocks"), r"this_thread\s*::\s*sleep_|\b(?:usleep|nanosleep)\s*\(|(?<![\w.>:])::sleep\s*\(",
     "tests do not sleep: wait on a condition, or use the virtual clock"),
    (None, r"(?<![\w.>])(?:std\s*::\s*)?s?rand\s*\(", "rand: use spider::Rng"),
    (None, r"\bstd\s*::\s*(?:\w+_distribution\b|shuffle\s*\(|sample\s*\()",
     "differs between standard libraries: use spider::Rng"),
    (("include", "src"), r"\bstd\s*::\s*c(?:out|err|log)\b|\b(?:std\s*::\s*)?(?:printf|puts|putchar)\s*\(",
     "the library prints nothing: use an Observer event"),
    (("include/spider/policies", "src/policies"), r"_clock\s*::\s*now\s*\(|\brandom_device\b",
     "a policy is given the time and its randomness"),
)  # fmt: skip


def banned_calls(file, _):
    for folders, pattern, what in BANNED:
        if (folders and not file.under(*folders)) or (file.under("src/cli") and "prints" in what):
            continue
        for match in re.finditer(pattern, file.code):
            yield file.line(match.start()), what


def banned_text(file, _):
    if file.under("tests/tidy") or file.path == "CONTRIBUTING.md":
        return
    for match in re.finditer(r"\b(?:TODO|FIXME|XXX)\b", file.text):
        yield file.line(match.start()), f"{match.group()}: open an issue instead"
    for match in re.finditer(r"^(?:<{7}|>{7}|={7}$)", file.text, re.MULTILINE):
        yield file.line(match.start()), "a conflict that nobody resolved"
    for match in re.finditer(r"(?<![\w./~}$)-])/(?:work|home|root|Users|tmp|mnt)/", file.text):
        yield file.line(match.start()), "a path of one machine"


# --- Coroutines (g++ 12 miscompiles what these refuse) -------------------------------------------


def coroutine_conditions(file, _):
    """`if (auto r = co_await f(); r)` awaits in the init statement, which is sound."""
    for offset, keyword, text in cpp_text.conditions(file.code):
        parts = cpp_text.split_at_depth_zero(text, ";")
        if keyword == "for":
            tested = parts[1] if len(parts) == 3 else ""
        else:
            tested = parts[-1]
        if re.search(r"\bco_await\b", tested):
            yield file.line(offset), f"co_await in the condition of {keyword}: await into a named local first"


def coroutine_temporaries(file, _):
    for match in re.finditer(r"\bco_await\b", file.code):
        expression = cpp_text.full_expression(file.code, match.start())
        if re.search(r"[(,]\s*(?:[\w:<>]+\s*)?\{\s*\.\w", expression):
            yield file.line(match.start()), "a braced temporary beside co_await: name it first and move it"
        if any(capture for _, capture, _ in cpp_text.lambdas(expression)):
            yield file.line(match.start()), "a capturing lambda beside co_await: name it first and move it"


def coroutine_lambdas(file, _):
    for offset, capture, body in cpp_text.lambdas(file.code):
        if capture and re.search(r"\bco_(?:await|return|yield)\b", body):
            yield file.line(offset), "a capturing lambda as a coroutine: its captures die with the closure"


RULES = (
    floors, drivers, sizes, include_order, header_form, file_names, tests_are_built, banned_calls, banned_text,
    coroutine_conditions, coroutine_temporaries, coroutine_lambdas, snippets, linked_tests,
)  # fmt: skip


def check(file, table):
    """(line, rule, message) of each breach in `file`."""
    return [(line, rule.__name__, message) for rule in RULES for line, message in rule(file, table)]


def project_files(root):
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if SKIPPED_FOLDERS.isdisjoint(relative.parts) and path.is_file() and path.suffix in TEXT_SUFFIXES:
            yield relative.as_posix()


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else __file__).resolve()
    if not arguments:
        root = root.parents[2]
    table = Floors((root / "tests/tidy/floors.txt").read_text(encoding="utf-8"))
    texts = {path: (root / path).read_text(encoding="utf-8", errors="replace") for path in project_files(root)}
    paths = frozenset(texts)
    tests = frozenset(name for path, text in texts.items() for name in named_tests(path, text))
    breaches = 0
    for path, text in sorted(texts.items()):
        for line, rule, message in check(File(path, text, paths, texts.get, tests), table):
            print(f"{path}:{line}: [{rule}] {message}")
            breaches += 1
    for path, offset, name, other in own_names.breaches(texts):
        print(f"{path}:{cpp_text.line_of(texts[path], offset)}: [own_names] {name} is in {other}, too")
        breaches += 1
    print(f"tidy: {len(paths)} files, {breaches} breaches")
    return 1 if breaches or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
