"""Measures pulling: bundles from a registry that answers each request after 20 ms, into a new database."""
import os

from .commands import Failed, best, discard, run
from .registry import Registry
from .table import Row

LATENCY = 0.020  # seconds before an answer to a request; requests over other connections are answered meanwhile


def pull(bins, setup, failures):
    """With an empty cache, and once more with what that run has kept."""
    folders = setup.inputs.below("bundles")
    out, cache = (os.path.join(setup.work, name) for name in ("out", "pulled"))
    runs, seen = {"cold": [], "warm": []}, {}
    with Registry(LATENCY) as registry:
        references = [registry.push_bundle(folder, f"bench/bundle-{number}") for number, folder in enumerate(folders)]
        argv = [os.path.join(bins, "opm"), "registry", "add", "--use-http", "-d", out, "-b", ",".join(references)]
        try:
            for _ in range(setup.repeat):
                discard(cache)
                for state in runs:
                    discard(out)
                    registry.forget()
                    runs[state].append(run(argv, OPM_CACHE_DIR=cache))
                    seen[state] = dict(registry.requests), registry.most_open
        except Failed as fault:
            failures.append(f"pull: {fault}")
        finally:
            discard(out)
            discard(cache)
    for state, measured in runs.items():
        what = f"registry add, {len(folders)} images, {state} cache"
        cpu, wall, peak = best(measured)
        requests, at_once = seen.get(state, (None, None))
        blobs = requests.get("blob", 0) if requests is not None else None
        yield Row(f"{what}: CPU", cpu, "s")
        yield Row(f"{what}: wall", wall, "s")
        yield Row(f"{what}: peak memory", peak, "MB")
        yield Row(f"{what}: requests", sum(requests.values()) if requests is not None else None, "")
        yield Row(f"{what}: blob requests", blobs, "", 0 if state == "warm" else None)
        yield Row(f"{what}: requests at once", at_once, "")
