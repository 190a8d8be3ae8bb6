"""Just enough understanding of C++ text for the rules in tidy.py. No parser: what it cannot see, it lets pass."""

import re

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<tag>[^()\\ \n]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments_and_strings(text):
    """`text` with comments and the insides of literals blanked; every offset and line stays where it was."""

    def blank(match):
        token = match.group()
        if token.startswith("/"):
            return _spaces(token)
        return token[0] + _spaces(token[1:-1]) + token[-1]

    return _TOKEN.sub(blank, text)


def without_directives(code):
    """`code` with preprocessor lines blanked, their continuations too."""
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: _spaces(m.group()), code, flags=re.MULTILINE)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def closing(code, start):
    """Where the bracket at `start` is closed, or the end of `code`."""
    depth = 0
    for offset in range(start, len(code)):
        if code[offset] in "([{":
            depth += 1
        elif code[offset] in ")]}":
            depth -= 1
            if depth == 0:
                return offset
    return len(code)


def full_expression(code, start):
    """From `start` to the `;` or the unmatched bracket that ends the expression."""
    depth = 0
    for offset in range(start, len(code)):
        if code[offset] in "([{":
            depth += 1
        elif code[offset] in ")]}":
            depth -= 1
            if depth < 0:
                return code[start:offset]
        elif code[offset] == ";" and depth == 0:
            return code[start:offset]
    return code[start:]


def split_at_depth_zero(code, separator):
    parts, depth, begin = [], 0, 0
    for offset, char in enumerate(code):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(code[begin:offset])
            begin = offset + 1
    parts.append(code[begin:])
    return parts


def conditions(code):
    """(offset, keyword, text) of what stands in the brackets of if, while, switch and for."""
    for match in re.finditer(r"\b(if|while|switch|for)\s*(?:constexpr\s*)?\(", code):
        opening = match.end() - 1
        yield match.start(), match.group(1), code[opening + 1 : closing(code, opening)]


def lambdas(code):
    """(offset, capture, body) of each lambda expression."""
    for match in re.finditer(r"(?<![\w)\]\[])\s*\[(?!\[)", code):
        opening = match.end() - 1
        if re.search(r"(?:\w|\)|\]|\[)$", code[:opening].rstrip()) and not re.search(
            r"\b(?:return|co_return|co_await|co_yield)$", code[:opening].rstrip()
        ):
            continue
        end = closing(code, opening)
        rest = re.match(r"\s*(?:<[^>]*>\s*)?(\()?", code[end + 1 :])
        offset = end + 1 + rest.end()
        if rest.group(1):
            offset = closing(code, offset - 1) + 1
        tail = re.match(r"(?:\s*(?:mutable|constexpr|noexcept)\b)*\s*(?:->[^{;]*)?\{", code[offset:])
        if not tail:
            continue
        brace = offset + tail.end() - 1
        yield opening, code[opening + 1 : end].strip(), code[brace : closing(code, brace) + 1]


_NOT_A_FUNCTION = re.compile(r"^\s*(?:inline\s+)?(?:namespace|extern)\b|\b(?:class|struct|union|enum)\b[^()]*$|=\s*$")


def functions(code):
    """(first line, last line) of each outermost function body with its declaration."""
    code = without_directives(code)
    offset, begin = 0, 0
    while offset < len(code):
        char = code[offset]
        if char in ";}":
            begin = offset + 1
        elif char == "(":
            offset = closing(code, offset)
        elif char == "{":
            head = code[begin:offset]
            end = closing(code, offset)
            if "(" in head and not _NOT_A_FUNCTION.search(head):
                first = begin + len(head) - len(head.lstrip())
                yield line_of(code, first), line_of(code, end)
                offset, begin = end, end + 1
            elif re.search(r"[\w)>]\s*$|^\s*$", head) and not _opens_scope(head):
                offset, begin = end, end + 1
            else:
                begin = offset + 1
        offset += 1


def _opens_scope(head):
    return bool(re.search(r"\b(?:namespace|class|struct|union|extern)\b", head))
