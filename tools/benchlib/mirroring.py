"""Measures mirroring: a catalog whose images share layers, from one docker-registry on loopback to another one."""
import http.client, json, os, random, re, shutil, socket, subprocess, threading, time
from urllib.parse import urlsplit

from .commands import Failed, best, run
from .registry import CONFIG, LAYER, MANIFEST, digest, tarred
from .table import Row

IMAGES, SHARED, LARGE, SMALL = 200, 20, 2 << 20, 100 << 10  # images, layers that they share, bytes of those and of one's own


def mirror(bins, setup, failures):
    images = max(4, int(IMAGES * setup.scale))
    times, skopeo, moved, unique = [], None, None, None
    try:
        with Registry(setup.work, "from") as source, Registry(setup.work, "to") as destination, Counter(destination.host) as counter:
            names, unique = fill(source, images)
            for number in range(setup.repeat):
                times.append(run(words(bins, setup, source, f"{destination.host}/opm{number}"), OPM_CACHE_DIR=os.path.join(setup.work, "cache")))
            run(words(bins, setup, source, f"{counter.host}/counted"))
            moved = counter.sent
            skopeo = copied(names, source, destination)
    except Failed as fault:
        failures.append(f"mirror: {fault}")
    cpu, wall, peak = best(times)
    what = f"mirror of {images} images, {(unique or 0) / 1e6:.0f} MB"
    yield Row(f"{what}: CPU", cpu, "s")
    yield Row(f"{what}: wall", wall, "s", skopeo and skopeo / 5, skopeo)  # the reference is `skopeo copy --all` in a loop
    yield Row(f"{what}: peak memory", peak, "MB")
    yield Row(f"{what}: bytes moved to unique bytes", moved and moved / unique, "", 1.01, None)


def words(bins, setup, source, destination):
    manifests = os.path.join(setup.work, "manifests")
    shutil.rmtree(manifests, ignore_errors=True)
    return [os.path.join(bins, "opm"), "index", "mirror", "--use-http", "--no-cache", "--to-manifests", manifests, f"{source.host}/bench/index:1", destination]


def copied(names, source, destination):
    """Seconds that skopeo needs for the same."""
    if not shutil.which("skopeo"):
        raise Failed("skopeo is not installed, which mirrors are compared with")
    begin = time.time()
    for name in names:
        run(["skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{source.host}/{name}", f"docker://{destination.host}/skopeo/{name}"])
    return time.time() - begin


def fill(registry, images):
    """Pushes the images and their catalog: (their names, bytes of all different blobs)."""
    chance, sizes, names, documents = random.Random(6), {}, [], ["schema: olm.package\nname: bench\n"]

    def push(name, layers, labels):
        config = {"architecture": "amd64", "os": "linux", "config": {"Labels": labels}, "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]}}
        described = []
        for media_type, content in [(CONFIG, json.dumps(config).encode())] + [(LAYER, content) for content, _ in layers]:
            sizes[digest(content)] = len(content)
            registry.push_blob(name, content)
            described.append({"mediaType": media_type, "digest": digest(content), "size": len(content)})
        content = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}).encode()
        registry.ask("PUT", f"/v2/{name}/manifests/1", content, MANIFEST)
        names.append(f"{name}:1")
        return digest(content)

    noise = lambda length: (lambda content: (content, digest(content)))(chance.randbytes(length))
    shared = [noise(LARGE) for _ in range(max(2, SHARED * images // IMAGES))]
    for number in range(images):
        name = f"bench/image-{number}"
        made = push(name, chance.sample(shared, min(3, len(shared))) + [noise(SMALL)], {})
        documents.append(f"schema: olm.bundle\nname: bench.v{number}\npackage: bench\nimage: {registry.host}/{name}@{made}\n")
    layer = tarred({"configs/catalog.yaml": "---\n".join(documents).encode()})
    push("bench/index", [layer], {"operators.operatorframework.io.index.configs.v1": "/configs"})
    return names, sum(sizes.values())


class Registry:
    """The program docker-registry on a free port, with its files below a folder."""

    def __init__(self, work, name):
        self.folder, self.known = os.path.join(work, name), {}
        if not shutil.which("docker-registry"):
            raise Failed("docker-registry is not installed")

    def __enter__(self):
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "config.yaml"), "w") as config:
            config.write(f'version: 0.1\nlog: {{accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {self.folder}/data}}}}\nhttp: {{addr: "127.0.0.1:0"}}\n')
        log = os.path.join(self.folder, "log")
        with open(log, "w") as out:
            self.process = subprocess.Popen(["docker-registry", "serve", config.name], stdout=out, stderr=out)
        for _ in range(400):
            with open(log) as told:
                if found := re.search(r"listening on (127\.0\.0\.1:\d+)", told.read()):
                    self.host = found[1]
                    self.connection = http.client.HTTPConnection(self.host)
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise Failed("docker-registry does not start")

    def __exit__(self, *fault):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def ask(self, method, target, content=b"", media_type="application/octet-stream"):
        self.connection.request(method, target, content, {"Content-Type": media_type})
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise Failed(f"docker-registry answers {answer.status} to {method} {target}: {said[:200]}")
        return answer

    def push_blob(self, repository, content):
        """What was pushed before is mounted from there."""
        name = digest(content)
        mount = f"?mount={name}&from={self.known[name]}" if name in self.known else ""
        begun = self.ask("POST", f"/v2/{repository}/blobs/uploads/{mount}")
        if begun.status == 201:
            return
        at = urlsplit(begun.headers["Location"])
        self.ask("PUT", f"{at.path}?{at.query}&digest={name}", content)
        self.known[name] = repository


class Counter:
    """A proxy that counts the bytes of blobs on their way to a registry."""

    def __init__(self, upstream):
        host, port = upstream.split(":")
        self.upstream, self.sent, self.lock = (host, int(port)), 0, threading.Lock()

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *fault):
        self.socket.close()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.requests, args=(client,), daemon=True).start()

    def requests(self, client):
        with client, socket.create_connection(self.upstream) as upstream, client.makefile("rb") as reader:
            threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
            while head := head_of(reader):
                lengths = [int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length:")]
                upstream.sendall(b"".join(head) + b"\r\n")
                left = lengths[0] if lengths else 0
                if b"/blobs/uploads/" in head[0]:
                    with self.lock:
                        self.sent += left
                while left:
                    piece = reader.read1(min(left, 1 << 16))
                    if not piece:
                        return
                    upstream.sendall(piece)
                    left -= len(piece)


def head_of(reader):
    """The lines of a request's head; none at the end."""
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line)
    return lines


def pump(upstream, client):
    try:
        while piece := upstream.recv(1 << 16):
            client.sendall(piece)
    except OSError:
        pass
