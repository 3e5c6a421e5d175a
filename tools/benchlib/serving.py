"""Measures the servers: start, memory, CPU time for an answer, answers a second."""
import json, os, re, socket, subprocess, time

from .commands import Failed, best, discard, run
from .inputs import TOP, size
from .table import Row
from .wire import serving

PATIENCE = 60  # seconds until a server must be SERVING

# What is measured on a running server, with (target, reference) for each kind of server.
TARGETS = {
    "registry-server": {"start": (50, 192), "peak": (40, 573), "list": (200, 2400), "rate": (40_000, 13_000)},
    "serve A": {"build": (0.8, 5.4), "build peak": (80, 204), "start": (50, 771), "rest": (20, 164), "peak": (60, 471), "list": (50, 112),
                "rate": (40_000, 20_000), "p99": (2, None), "max": (None, 9)},
    "serve B": {"build peak": (80, None), "size": (1.1, 3.0), "start": (50, 771), "list": (3, 56), "rate": (40_000, 20_000), "p99": (2, None), "max": (None, 9)},
}


def load_generator(given):
    """The program that asks servers: the one that is given, or that of this tree."""
    if not given:
        cargo = os.environ.get("CARGO", "cargo")
        subprocess.run([cargo, "build", "--release", "--locked", "--quiet", "-p", "opm-api", "--example", "press"], cwd=TOP, check=True)
    return given or os.path.join(TOP, "target", "release", "examples", "press")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server under measurement, with these environment variables."""

    def __init__(self, argv, press, log, **variables):
        self.press = press
        self.port = free_port()
        argv = [*argv, "-p", str(self.port), "-t", log + ".termination"]
        begin = time.time()
        with open(log, "wb") as said:
            self.process = subprocess.Popen(argv, stdout=said, stderr=said, env={**os.environ, **variables})
        while not serving(self.port):
            if self.process.poll() is not None or time.time() - begin > PATIENCE:
                self.stop()
                raise Failed(f"{' '.join(argv)[:120]}: not SERVING: {open(log, errors='replace').read().strip()[-300:]}")
            time.sleep(0.0005)
        self.start = (time.time() - begin) * 1000
        self.rest = self.memory("VmRSS")

    def ask(self, *args):
        """What the load generator counted, and the server's CPU seconds meanwhile."""
        before = self.cpu()
        out = subprocess.run([self.press, f"localhost:{self.port}", *map(str, args)], capture_output=True, text=True)
        if out.returncode:
            raise Failed(f"press {' '.join(map(str, args))}: {out.stderr.strip()[-300:]}")
        return json.loads(out.stdout), self.cpu() - before

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what):
        """VmRSS (now) or VmHWM (the most so far) in MB."""
        return int(re.search(rf"{what}:\s*(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) / 1024

    def stop(self):
        """Ends the server, and says how it ended."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait()


def watch(name, argv, setup, failures):
    """Rows of one server: started three times, then put under load."""
    goal = lambda what: TARGETS.get(name, {}).get(what, (None, None))
    got = {}
    server = None
    try:
        for _ in range(3):
            if server:
                server.stop()
            server = Server(argv, setup.press, os.path.join(setup.work, "log"))
            got["start"] = min(server.start, got.get("start", server.start))
        got["rest"] = server.rest
        counted, _ = server.ask("list", 1, 1)
        times = max(1, int(setup.scale * min(200, 1e9 / (1 + counted["bytes"]))))  # enough for CPU time, which is counted in hundredths
        counted, cpu = server.ask("list", times, 1)
        got["listing"] = counted["bytes"] / times / 1e6
        got["list"], got["messages"], got["bytes"] = cpu / times * 1000, counted["answers"] / counted["seconds"], counted["bytes"] / counted["seconds"] / 1e6
        counted, cpu = server.ask("package", max(1, int(10 * setup.scale)), 32)
        got["rate"], got["get"] = counted["answers"] / counted["seconds"], cpu / counted["answers"] * 1e6
        got["p99"], got["max"] = counted.get("p99_ms"), counted.get("max_ms")
        server.ask("list", 1, 50)
        got["peak"] = server.memory("VmHWM")
    except (Failed, OSError) as fault:
        failures.append(f"{name}: {fault}")
    finally:
        if server:
            server.stop()
    for what, key, unit in (
        ("exec to SERVING", "start", "ms"), ("resident at rest", "rest", "MB"), ("manifests in a ListBundles", "listing", "MB"),
        ("server CPU per ListBundles", "list", "ms"), ("ListBundles, messages", "messages", "/s"), ("ListBundles, manifests", "bytes", "MB/s"),
        ("GetPackage, 32 connections", "rate", "/s"), ("GetPackage, server CPU", "get", "us"), ("GetPackage, p99", "p99", "ms"),
        ("GetPackage, slowest", "max", "ms"), ("peak with 50 parallel ListBundles", "peak", "MB"),
    ):
        yield Row(f"{name}: {what}", got.get(key), unit, *goal(key))


def database(bins, setup, failures):
    argv = [os.path.join(bins, "registry-server")]
    if not os.path.exists(argv[0]):  # an opm that came alone does the same
        argv = [os.path.join(bins, "opm"), "registry", "serve"]
    yield from watch("registry-server", [*argv, "-d", setup.inputs["database"]], setup, failures)


def catalogs(bins, setup, failures):
    """`opm serve`: the pack is built, then served by a server that may only check it."""
    for name, source in (("serve A", "A.json"), ("serve B", "B.yaml"), *((f"serve {n}", n) for n in setup.inputs.catalogs)):
        goal = lambda what: TARGETS.get(name, {}).get(what, (None, None))
        pack, catalog = os.path.join(setup.work, "pack"), setup.inputs[source]
        serve = [os.path.join(bins, "opm"), "serve", catalog, "--cache-dir", pack, "--pprof-addr", ""]
        runs, ratio = [], None
        try:
            for _ in range(setup.repeat):
                discard(pack)
                runs.append(run([*serve, "--cache-only", "-t", os.path.join(setup.work, "log.termination")]))
            ratio = size(pack) / size(catalog)
        except Failed as fault:
            failures.append(f"{name}: {fault}")
        cpu, wall, peak = best(runs)
        yield Row(f"{name}: pack build, CPU", cpu, "s", *goal("build"))
        yield Row(f"{name}: pack build, wall", wall, "s")
        yield Row(f"{name}: pack build, peak memory", peak, "MB", *goal("build peak"))
        yield Row(f"{name}: pack size over catalog size", ratio, "", *goal("size"))
        yield from watch(name, serve, setup, failures if runs else [])
        discard(pack)
