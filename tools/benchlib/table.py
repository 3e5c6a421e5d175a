"""The table of what was measured."""
import os, platform, re
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


def missed(row):
    """Whether the number is not what it should be."""
    if row.number is None or row.target is None:
        return False
    return row.number < row.target if row.unit in RATES else row.number > row.target


def ratio(row, other):
    """Above 1 it says how many times better the first binaries are."""
    if not (other and other.number and row.number):
        return None
    return row.number / other.number if row.unit in RATES else other.number / row.number


def line(row, other=None, compared=False):
    made = f"{row.what:50} {text(row.number):>9} {row.unit:4} {text(row.target):>8}{'!' if missed(row) else ' '} {text(row.reference):>8}"
    if compared:
        made += f" {text(other and other.number):>9} {text(ratio(row, other)):>7}"
    return made


def head(compared):
    made = f"{'':50} {'':>9} {'':4} {'target':>8}  {'refer.':>8}"
    return made + (f" {'against':>9} {'ratio':>7}" if compared else "")


BEGIN, END = "<!-- the table: tools/bench writes it -->", "<!-- the end of the table -->"


def write(rows, path, version, compared=None):
    """Puts the table into a page of Markdown, between two marks that the page has; without a page there is one with nothing else."""
    columns = ["", "", "", "target", "reference"] + (["against", "ratio"] if compared else [])
    lines = [f"{BEGIN}", "", f"{version}, on {machine()}" + (f"; against: {compared}" if compared else "") + ".", ""]
    lines += ["| " + " | ".join(columns) + " |", "|---|" + "---:|---|" + "---:|" * (len(columns) - 3)]
    for row, other in rows:
        shown = lambda number: "" if number is None else text(number)
        cells = [row.what, text(row.number), row.unit, shown(row.target) + ("!" if missed(row) else ""), shown(row.reference)]
        cells += [text(other and other.number), text(ratio(row, other))] if compared else []
        lines.append("| " + " | ".join(cells) + " |")
    made = "\n".join([*lines, "", END])
    page = f"{BEGIN}\n{END}\n"
    if os.path.exists(path):
        with open(path) as old:
            page = old.read()
    with open(path, "w") as new:
        new.write(re.sub(f"(?s){re.escape(BEGIN)}.*{re.escape(END)}", lambda _: made, page))


def machine():
    with open("/proc/cpuinfo") as told:
        models = re.findall(r"model name\s*: (.*)", told.read())
    with open("/proc/meminfo") as told:
        memory = int(re.search(r"MemTotal:\s*(\d+)", told.read())[1]) / 1e6
    return f"{len(os.sched_getaffinity(0))} cores of {models[0].strip() if models else platform.machine()}, {memory:.0f} GB, Linux {platform.release()}"
