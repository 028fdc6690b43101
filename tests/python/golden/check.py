# SPDX-License-Identifier: Apache-2.0
"""Cases recomputed and compared."""
from .case import Case, text
from .compare import differing, page_differing
from .inputs import wrong_inputs
from .operators import OPERATORS


def check_case(group):
    """Elements, differing elements and a verdict."""
    operator = text(group, "operator")
    if operator not in OPERATORS:
        return 0, 0, "skipped: operator unknown here"
    c = Case(group)
    wrong = wrong_inputs(c)
    if wrong:
        return 0, 0, "FAILED: inputs " + ", ".join(wrong)
    wanted = OPERATORS[operator](c)
    if set(wanted) != set(c.outputs):
        return 0, 0, f"FAILED: outputs {sorted(c.outputs)}, not {sorted(wanted)}"
    elements = bad = 0
    for name, have in c.outputs.items():
        paged = text(group["outputs"][name], "layout") == "pages"
        count = page_differing(have, wanted[name], c.layout) if paged else differing(have, wanted[name])
        if isinstance(count, str):
            return elements, bad, f"FAILED: {name} {count}"
        elements += have.size
        bad += count
    return elements, bad, "FAILED" if bad else "ok"
