# SPDX-License-Identifier: Apache-2.0
"""Exact sums of terms: of each count the smallest sum with rational factors that equals it on every shape. Searched modulo a prime, which is
fast, and what comes out of it is computed once more in fractions."""
import random
from fractions import Fraction

PRIME = (1 << 61) - 1
SMALL = 4  # so many terms or fewer are searched for exhaustively


def residue(value):
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME


def reduce_rows(rows, width):
    """Rows that give all others, as their numbers, and eliminated: [(pivot, row)]. Columns from `width` on are no pivots."""
    kept, basis = [], []
    for number, row in enumerate(rows):
        for pivot, known in basis:
            factor = row[pivot]
            if factor:
                row = [(a - factor * b) % PRIME for a, b in zip(row, known)]
        pivot = next((i for i, value in enumerate(row) if value), None)
        if pivot is not None:
            if pivot >= width:
                return None, None
            inverse = pow(row[pivot], -1, PRIME)
            kept.append(number)
            basis.append((pivot, [value * inverse % PRIME for value in row]))
    return kept, basis


def solve(rows):
    """Factors x with sum of x[i] row[i] = row[-1], in fractions; None where there are none or many."""
    count, basis = len(rows[0]) - 1, []
    for row in rows:
        for pivot, known in basis:
            factor = row[pivot]
            row = [a - factor * b for a, b in zip(row, known)] if factor else row
        pivot = next((i for i in range(count) if row[i]), None)
        if pivot is None:
            if row[-1]:
                return None
            continue
        row = [a / row[pivot] for a in row]
        basis = [(p, [a - known[pivot] * b for a, b in zip(known, row)] if known[pivot] else known) for p, known in basis] + [(pivot, row)]
    return [row[-1] for _, row in sorted(basis)] if len(basis) == count else None


def plain(factors):
    """Whether the factors are such as counts have; others are an accident of few shapes."""
    return factors is not None and all(factor.denominator in (1, 2, 4, 8, 16, 32) for factor in factors)


def combinations(columns, target, size):
    """The sets of `size` columns, [(name, vector)], of which a sum is the target, in their order; vectors have size + 1 elements, and no
    fewer columns have it."""
    if size == 1:
        for name, (a, b) in columns:
            if (a or b) and (a * target[1] - b * target[0]) % PRIME == 0:
                yield (name,)
        return
    for place, (name, column) in enumerate(columns):
        pivot = next((i for i, value in enumerate(column) if value), None)
        if pivot is None:
            continue
        inverse = pow(column[pivot], -1, PRIME)
        scaled = [value * inverse % PRIME for value in column]

        def without(vector, pivot=pivot, scaled=scaled):
            factor = vector[pivot]
            return [(a - factor * b) % PRIME for i, (a, b) in enumerate(zip(vector, scaled)) if i != pivot]

        left = [(other, without(vector)) for other, vector in columns[place + 1:]]
        for rest in combinations(left, without(target), size - 1):
            yield (name,) + rest


class Terms:
    """The terms on some shapes, and of those the shapes that give all others."""

    def __init__(self, matrix):
        self.matrix, self.width = matrix, len(matrix[0])
        self.residues = [[residue(value) for value in row] for row in matrix]
        self.shapes, _ = reduce_rows(self.residues, self.width)
        self.columns, _ = reduce_rows([list(column) for column in zip(*[self.residues[i] for i in self.shapes])], len(self.shapes))
        draw = random.Random(1)
        self.mixture = [[draw.getrandbits(60) for _ in self.shapes] for _ in range(SMALL + 1)]
        self.sketch = [self.mixed([row[j] for row in self.residues]) for j in range(self.width)]

    def mixed(self, values):
        """A few sums over the basis, which tell nearly all vectors apart."""
        return [sum(a * values[i] for a, i in zip(row, self.shapes)) % PRIME for row in self.mixture]

    def possible(self, chosen, counts):
        """Whether a sum of the chosen terms gives the counts of the basis."""
        rows = [[self.residues[i][j] for j in chosen] + [counts[i]] for i in self.shapes]
        kept, _ = reduce_rows(rows, len(chosen))
        return kept is not None and len(kept) == len(chosen)

    def exact(self, chosen, counts):
        """The factors of the chosen terms where they give every count; None otherwise."""
        factors = solve([[self.matrix[i][j] for j in chosen] + [Fraction(counts[i])] for i in self.shapes])
        good = plain(factors) and all(sum(factor * row[j] for factor, j in zip(factors, chosen)) == count for row, count in zip(self.matrix, counts))
        return factors if good else None

    def fit(self, counts):
        """(terms, factors) of the smallest exact sum, or None."""
        if not any(counts):
            return (), []
        if reduce_rows([row + [count] for row, count in zip(self.residues, counts)], self.width)[0] is None:
            return None
        target = self.mixed(counts)
        for size in range(1, SMALL + 1):
            columns = [(j, vector[:size + 1]) for j, vector in enumerate(self.sketch)]
            for chosen in combinations(columns, target[:size + 1], size) if len(self.matrix) > 2 * size + 2 else []:
                factors = self.exact(chosen, counts)
                if factors is not None:
                    return chosen, factors
        chosen = list(self.columns)
        for i in reversed(self.columns):
            fewer = [j for j in chosen if j != i]
            chosen = fewer if self.possible(fewer, counts) else chosen
        factors = self.exact(chosen, counts) if len(self.matrix) > 2 * len(chosen) else None
        return (tuple(chosen), factors) if factors is not None else None


def text_of(terms, chosen, factors):
    """The sum as an expression."""
    parts = []
    for i, factor in zip(chosen, factors):
        if not factor:
            continue
        sign, size = ("-" if factor < 0 else "+"), abs(factor)
        product_text = (terms[i] if size == 1 else str(size.numerator) if terms[i] == "1" else f"{size.numerator} * {terms[i]}" if size.numerator != 1 else terms[i])
        parts.append((sign, product_text + (f" / {size.denominator}" if size.denominator != 1 else "")))
    if not parts:
        return "0"
    first = ("-" if parts[0][0] == "-" else "") + parts[0][1]
    return first + "".join(f" {sign} {part}" for sign, part in parts[1:])
