"""Measures commands that run to their end: CPU seconds, wall seconds, peak memory."""
import os, re, shutil, subprocess, time
from dataclasses import dataclass

from .table import Row


class Failed(Exception):
    """A command did not do what it was to be measured at."""


@dataclass
class Case:
    """A command: words in {} are inputs, {out} is a path that is not there, {bundles*} are many. Numbers: (target, reference)."""
    what: str
    command: str
    cpu: tuple = (None, None)
    peak: tuple = (None, None)


LOAD = (
    Case("initializer, 1,003 bundles", "initializer -m {manifests} -o {out}", cpu=(3, 31)),
    Case("registry add, 14 bundles", "opm registry add -d {out} -b {bundles-14,}"),
)
RENDER = (
    Case("render A, YAML to JSON", "opm render {A.yaml} -o json", cpu=(0.55, 4.5), peak=(60, 365)),
    Case("render A, YAML to JSON, one file", "opm render {A-single.yaml} -o json", cpu=(0.55, 4.5), peak=(60, 365)),
    Case("render A, JSON to JSON", "opm render {A.json} -o json", cpu=(0.34, 3.4), peak=(60, None)),
    Case("render A, JSON to YAML", "opm render {A.json} -o yaml", cpu=(0.8, 4.9), peak=(60, None)),
    Case("validate A, JSON", "opm validate {A.json}", cpu=(0.34, 3.4), peak=(60, 357)),
    Case("validate A, JSON, one file", "opm validate {A-single.json}", cpu=(0.34, 3.4), peak=(60, 357)),
    Case("render B, YAML to JSON", "opm render {B.yaml} -o json", peak=(60, None)),
    Case("render B, YAML to YAML", "opm render {B.yaml} -o yaml", peak=(60, None)),
    Case("validate B, YAML", "opm validate {B.yaml}", peak=(60, None)),
    Case("render database", "opm render {database} -o json", cpu=(0.3, 2.3), peak=(60, 552)),
    Case("migrate database", "opm migrate {database} {out}", cpu=(0.3, 2.3), peak=(60, 552)),
    Case("render 100 bundle directories", "opm render {bundles*} -o json", cpu=(0.2, 1.6), peak=(60, None)),
)
REAL_CATALOG = ("opm render {%s} -o json", "opm render {%s} -o yaml", "opm validate {%s}")


def run(argv, **variables):
    """Runs a command to its end, with these environment variables: (CPU s, wall s, peak MB, which is never below that of this script: about 16 MB)."""
    begin = time.time()
    try:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables})
    except OSError as fault:
        raise Failed(str(fault)) from fault
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise Failed(f"{' '.join(argv)[:120]}: {(said.strip() or 'silence').splitlines()[0][:300]}")
    return used.ru_utime + used.ru_stime, time.time() - begin, used.ru_maxrss / 1024


def best(runs):
    """The least CPU time, the least wall time and the highest peak of several runs."""
    return [of(column) for of, column in zip((min, min, max), zip(*runs))] if runs else (None, None, None)


def discard(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def words(case, bins, inputs, out):
    """A case's command as arguments."""
    made = []
    for word in case.command.split():
        name = word.strip("{}")
        if not made:
            made.append(os.path.join(bins, word))
        elif word == name:
            made.append(word)
        elif name == "out":
            made.append(out)
        elif name.endswith("*"):
            made += inputs.bundles if name == "real*" else inputs.below(name[:-1])
        elif name.endswith(","):
            made.append(",".join(inputs.below(name[:-1])))
        else:
            made.append(inputs[name])
    return made


@dataclass
class Setup:
    """What every section needs: the inputs, the load generator, a folder for what is written, and how much is done."""
    inputs: object
    press: str
    work: str
    scale: float
    repeat: int


BINARIES = ("opm", "initializer", "registry-server", "configmap-server")


def version(bins):
    """What opm says it is."""
    told = subprocess.run([os.path.join(bins, "opm"), "version"], capture_output=True, text=True).stdout
    return "opm " + " ".join(found for found in re.findall(r'(?:OpmVersion|GitCommit):"([^"]*)"', told) if found)


def sizes(bins, _, failures):
    """How large the binaries are, as they are linked and stripped there."""
    for name in BINARIES:
        path = os.path.join(bins, name)
        if not os.path.exists(path):
            failures.append(f"size of {name}: it is not in {bins}")
        yield Row(f"size of {name}", os.path.getsize(path) / 1e6 if os.path.exists(path) else None, "MB")


def measure(cases, bins, setup, failures):
    """Three rows for each case: CPU seconds, wall seconds, peak memory."""
    out = os.path.join(setup.work, "out")
    for case in cases:
        runs = []
        try:
            argv = words(case, bins, setup.inputs, out)
            for _ in range(setup.repeat):
                discard(out)
                runs.append(run(argv))
        except Failed as fault:
            failures.append(f"{case.what}: {fault}")
        finally:
            discard(out)
        cpu, wall, peak = best(runs)
        yield Row(f"{case.what}: CPU", cpu, "s", *case.cpu)
        yield Row(f"{case.what}: wall", wall, "s")
        yield Row(f"{case.what}: peak memory", peak, "MB", *case.peak)


def load(bins, setup, failures):
    yield from measure(LOAD, bins, setup, failures)


def render(bins, setup, failures):
    inputs = setup.inputs
    real = [Case(command.replace("{%s}", name), command % name) for name in inputs.catalogs for command in REAL_CATALOG]
    real += [Case(f"render {name}", "opm render {%s} -o json" % name) for name in inputs.databases]
    real += [Case(f"render {len(inputs.bundles)} real bundles", "opm render {real*} -o json")] if inputs.bundles else []
    yield from measure(RENDER + tuple(real), bins, setup, failures)


def convert(bins, setup, failures):
    """Bundles to manifests, a process for each."""
    bundles = setup.inputs.below("bundles")
    runs = []
    try:
        for _ in range(setup.repeat):
            each = [run([os.path.join(bins, "opm"), "bundle", "convert", bundle, "--cert-provider", "cert-manager"]) for bundle in bundles]
            runs.append((sum(cpu for cpu, _, _ in each) / len(each), sum(wall for _, wall, _ in each) / len(each), max(peak for *_, peak in each)))
    except Failed as fault:
        failures.append(f"convert: {fault}")
    cpu, wall, peak = best(runs)
    yield Row(f"convert one of {len(bundles)} bundles, with its process: CPU", cpu and cpu * 1000, "ms", 2, None)
    yield Row(f"convert one of {len(bundles)} bundles, with its process: wall", wall and wall * 1000, "ms")
    yield Row("convert: peak memory", peak, "MB")
