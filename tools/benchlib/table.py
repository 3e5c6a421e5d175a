"""The table of what was measured."""
from dataclasses import dataclass


@dataclass
class Row:
    """A number with its unit; what it should be, and what the reference needs on two cores, where that is known."""
    what: str
    number: float  # None: it could not be measured
    unit: str
    target: float = None
    reference: float = None


RATES = ("/s", "MB/s")  # of these, more is better


def text(number):
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.1f}" if abs(number) >= 10 else f"{number:.3g}"


def line(row, other=None, compared=False):
    """One line; a ratio above 1 says how many times better the first binaries are."""
    missed = row.number is not None and row.target is not None and (row.number < row.target if row.unit in RATES else row.number > row.target)
    made = f"{row.what:50} {text(row.number):>9} {row.unit:4} {text(row.target):>8}{'!' if missed else ' '} {text(row.reference):>8}"
    if compared:
        theirs = other.number if other else None
        ratio = None
        if theirs and row.number:
            ratio = row.number / theirs if row.unit in RATES else theirs / row.number
        made += f" {text(theirs):>9} {text(ratio):>7}"
    return made


def head(compared):
    made = f"{'':50} {'':>9} {'':4} {'target':>8}  {'refer.':>8}"
    return made + (f" {'against':>9} {'ratio':>7}" if compared else "")
