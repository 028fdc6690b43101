# SPDX-License-Identifier: Apache-2.0
"""Ways to weaken a line of a kernel, each as a line of its own and as an alternative that a program takes when it is told to."""
import re

# What may come out of a kernel: calls that order things or share registers out, alone on their line or behind others.
ORDERING = re.compile(
    r"(?<![\w.])(?:sync_\w+|copy_commit|fence_\w+|mbarrier_\w+|wgmma_(?:fence|commit)|registers_\w+|sums\.sync)(?:<[^<>;]*>)?\([^;]*\);")
WAIT = re.compile(r"\b(copy_wait|wgmma_wait)<(.*)>\(\);")
# Arguments that may be wrong: parity, bytes, arrivals; the last of a call.
ARGUMENT = {
    "mbarrier_wait": [("waits for the other parity", "({} ^ 1)")],
    "mbarrier_expect": [("expects 16 bytes less", "({}) - 16"), ("expects 16 bytes more", "({}) + 16")],
    "mbarrier_init": [("one arrival more", "({}) + 1"), ("one arrival less", "({}) - 1")],
}
CALL = re.compile(r"\b(mbarrier_wait|mbarrier_expect|mbarrier_init)\((.*), (.*)\);$")
BOUND = re.compile(r" (<=?|>=?) (?!<)")
WEAKER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
# Left alone: what the compiler must know; bounds of unrolled loops, because registers are indexed by them.
NO_BOUND = re.compile(r"\bconstexpr\b|\bstatic_assert\b|\btemplate\b|\btypedef\b|\benum\b|#")

# In front of a kernel's text: which mutation is on, and comparisons that may be weaker: `a < b` becomes `a < weaker(N) < b`.
PRELUDE = """
#include <cstdlib>
namespace mutation
{
inline const int chosen = std::getenv("QOQ_MUTATION") ? std::atoi(std::getenv("QOQ_MUTATION")) : -1;
inline bool on(int n) { return n == chosen; }
struct weaker { int n; explicit weaker(int number) : n(number) {} };
template <class A> struct left { A a; bool on; };
template <class A> left<A> operator<(const A &a, weaker w) { return {a, on(w.n)}; }
template <class A> left<A> operator<=(const A &a, weaker w) { return {a, on(w.n)}; }
template <class A> left<A> operator>(const A &a, weaker w) { return {a, on(w.n)}; }
template <class A> left<A> operator>=(const A &a, weaker w) { return {a, on(w.n)}; }
template <class A, class B> bool operator<(const left<A> &l, const B &b) { return l.on ? l.a <= b : l.a < b; }
template <class A, class B> bool operator<=(const left<A> &l, const B &b) { return l.on ? l.a < b : l.a <= b; }
template <class A, class B> bool operator>(const left<A> &l, const B &b) { return l.on ? l.a >= b : l.a > b; }
template <class A, class B> bool operator>=(const left<A> &l, const B &b) { return l.on ? l.a > b : l.a >= b; }
}
"""


class Mutation:
    """`what`: line[start:end] becomes `new`. Kinds: a statement, a bound, the condition of a guard."""

    def __init__(self, kind, what, start, end, new):
        self.kind, self.what, self.start, self.end, self.new = kind, what, start, end, new

    def of(self, line):
        return line[: self.start] + self.new + line[self.end:]


def statements(code):
    for found in ORDERING.finditer(code):
        yield Mutation("statement", "without " + found.group(0), found.start(), found.end(), "")
    wait = WAIT.search(code)
    if wait:
        yield Mutation("statement", "without the wait", wait.start(), wait.end(), "")
        yield Mutation("statement", "waits for one group less", wait.start(), wait.end(), f"{wait.group(1)}<{wait.group(2)} + 1>();")
    call = CALL.search(code.rstrip())
    if call:
        for what, form in ARGUMENT[call.group(1)]:
            yield Mutation("statement", what, call.start(), call.end(), f"{call.group(1)}({call.group(2)}, {form.format(call.group(3))});")


def guard(lines, number):
    """`if (...) {` without its condition: always where it guards, never where it leaves."""
    found = re.match(r"(\s*)(?:\} else )?if \((.*)\) \{$", lines[number].rstrip())
    if not found or re.search(r"SCHEME|BITS ==|Tile::|WARPS", found.group(2)):
        return
    leaves = re.match(r"\s*(return|continue|break)\b", lines[number + 1])
    other = "false" if leaves else "true"
    yield Mutation("guard", "the guard is always " + other, found.start(2), found.end(2), other)


def statement_of(lines, number):
    """A line behind those of the same statement that come before it."""
    first = number
    while first > 0 and not re.search(r"([;{}:]|^)\s*$|^#", lines[first - 1].split("//")[0].rstrip()):
        first -= 1
    return "".join(line.split("//")[0] for line in lines[first:number + 1])


def mutations(lines, number):
    code = lines[number].split("//")[0]
    if "QOQ_DEVICE" in code or "QOQ_MEMBER" in code:
        return
    yield from statements(code)
    unrolled = "for (" in code and "QOQ_UNROLL" in lines[number - 1]
    if not unrolled and not NO_BOUND.search(statement_of(lines, number)):
        for found in BOUND.finditer(code):
            other = WEAKER[found.group(1)]
            yield Mutation("bound", f"{other} in place of {found.group(1)} at column {found.start(1) + 1}", found.start(1), found.end(1), other)
    if number + 1 < len(lines):
        yield from guard(lines, number)


def switched(line, numbered):
    """The line with all its mutations, (number, mutation), of which the program takes at most one."""
    edits = {}
    for number, m in numbered:
        edits.setdefault((m.start, m.end, m.kind), []).append((number, m))
    # Bounds stand within conditions: from the right, and a condition after what it contains.
    for (start, end, kind), group in sorted(edits.items(), key=lambda item: (item[0][2] == "guard", -item[0][0])):
        if kind == "guard":
            end = line.rindex(") {")
        text = line[start:end]
        if kind == "statement":
            new = "".join(f"if (mutation::on({number})) {{ {m.new} }} else " for number, m in group) + f"{{ {text} }}"
        elif kind == "bound":
            new = f"{text} mutation::weaker({group[0][0]}) {text}"
        else:
            new = f"mutation::on({group[0][0]}) ? {group[0][1].new} : static_cast<bool>({text})"
        line = line[:start] + new + line[end:]
    return line
