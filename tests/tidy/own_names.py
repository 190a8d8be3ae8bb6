"""Names that two files of one program keep to themselves differ.

Debug builds compile several files as one (CMAKE_UNITY_BUILD), where the unnamed namespaces of all of them
are the same. Which files meet changes with every file that is added, so that the whole program counts.
"""

import collections
import re

PARTS = ("src/sqlite/", "src/sim/", "src/cli/", "src/", "mocks/", "tests/unit/", "tests/contract/", "tests/race/",
         "tests/sim/", "tests/integration/")  # fmt: skip
UNNAMED = re.compile(r"^namespace \{\n(.*?)^\}  // namespace\n", re.DOTALL | re.MULTILINE)
QUALIFIERS = r"(?:\[\[\w+\]\]\s*)?(?:(?:inline|constexpr|const|static|template\s*<[^>]*>)\s+)*"
DECLARED = re.compile(
    rf"^(?:(?:struct|class|union|enum class|enum)\s+(?P<type>\w+)"
    rf"|using\s+(?P<alias>\w+)\s*=(?P<aliased>[^;]*);"
    rf"|{QUALIFIERS}(?:auto|void)\s+(?P<function>\w+)\((?P<parameters>[^)]*)"
    rf"|(?:constexpr|const)\s+[\w:<>,\s*&]+?\s(?P<constant>\w+)\s*(?:\[[^\]]*\])?\s*[={{;])",
    re.MULTILINE,
)


def type_of(parameter):
    return re.sub(r"\s*=.*|(?<=[\s&*])\w+\s*(=.*)?$|\s", "", parameter.strip(), flags=re.DOTALL)


def declared(code):
    """(name, what makes it the same, offset) of what the unnamed namespaces of `code` declare."""
    for unnamed in UNNAMED.finditer(code):
        for found in DECLARED.finditer(unnamed.group(1)):
            offset = unnamed.start(1) + found.start()
            if found["function"]:  # overloads may stand side by side
                yield found["function"], [type_of(one) for one in found["parameters"].split(",")], offset
            elif found["alias"]:
                yield found["alias"], None, offset, re.sub(r"\s", "", found["aliased"])
            else:
                yield found["type"] or found["constant"], None, offset


def part_of(path):
    return next((part for part in PARTS if path.startswith(part)), None)


def breaches(codes):
    """(path, offset, name, other path) of each name that an earlier file of the same program has, too."""
    seen = collections.defaultdict(list)
    for path, code in sorted(codes.items()):
        part = part_of(path) if path.endswith(".cpp") else None
        if part is None:
            continue
        for name, kind, offset, *aliased in declared(code):
            for other_kind, other_aliased, other in seen[part, name]:
                same_alias = aliased and aliased == other_aliased
                overload = kind and other_kind and kind != other_kind
                if other != path and not same_alias and not overload:
                    yield path, offset, name, other
                    break
            seen[part, name].append((kind, aliased, path))
