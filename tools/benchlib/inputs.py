"""What is measured on: made-up catalogs, databases and bundles, made when first asked for, and real ones from a folder."""
import os, subprocess, sys

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(TOOLS)

# A: bundles with their manifests inside; B: bundles that name images. By package: a file for each.
MADE = {
    "A.yaml": "--bundles 1003", "A.json": "--bundles 1003 --format json",
    "A-single.yaml": "--bundles 1003 --single", "A-single.json": "--bundles 1003 --single --format json",
    "B.yaml": "--bundles 725 --shape images", "B.json": "--bundles 725 --shape images --format json",
    "manifests": "--bundles 1003 --as manifests", "bundles": "--bundles 100 --as bundles", "bundles-14": "--bundles 14 --as bundles",
}


class Inputs:
    """Paths by name: those of MADE, `database` (which the given `initializer` makes of the manifests) and what a corpus holds."""

    def __init__(self, folder, initializer, corpus=None, manifests=None, scale=1.0):
        self.folder, self.initializer, self.scale = folder, initializer, scale
        self.given = {"manifests": manifests} if manifests else {}
        self.catalogs, self.databases, self.bundles = [], [], []
        if corpus:
            self.catalogs = self.real(corpus, "catalogs")
            self.databases = [n for n in self.real(corpus, "databases") if n.endswith(".db")]
            root = os.path.join(corpus, "bundles")
            self.bundles = [w for w, below, _ in sorted(os.walk(root)) if "manifests" in below]

    def real(self, corpus, kind):
        folder = os.path.join(corpus, kind)
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        self.given.update({n: os.path.join(folder, n) for n in names})
        return names

    def __getitem__(self, name):
        if name in self.given:
            return self.given[name]
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            if name == "database":
                command = [self.initializer, "-m", self["manifests"], "-o", path + ".part"]
            else:  # by another process: the peak memory of what is measured begins at that of this one
                words = MADE[name].split()
                words[1] = str(max(1, int(int(words[1]) * self.scale)))
                command = [sys.executable, os.path.join(TOOLS, "make-catalog"), path + ".part", *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os.rename(path + ".part", path)
        return path

    def below(self, name):
        """The directories in an input, as arguments."""
        path = self[name]
        return [os.path.join(path, n) for n in sorted(os.listdir(path))]


def size(path):
    """Bytes of a file, or of all files below a directory."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(w, f)) for w, _, files in os.walk(path) for f in files)
