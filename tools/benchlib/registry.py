"""An image registry on loopback that takes its time: each request is answered some milliseconds after it came."""
import gzip, hashlib, http.server, io, json, os, socket, tarfile, threading, time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Registry:
    """Serves images over plain HTTP, many requests at a time, over connections that stay open; counts the requests."""

    def __init__(self, latency):
        self.blobs, self.manifests, self.latency = {}, {}, latency
        self.lock, self.requests, self.open, self.most_open = threading.Lock(), {}, 0, 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        """Begins to count anew."""
        with self.lock:
            self.requests, self.most_open = {}, 0

    def push_bundle(self, folder, name):
        """Makes an image of a bundle directory as a Dockerfile with two COPY lines does; returns its reference."""
        layers = [layer(folder, part) for part in ("manifests", "metadata")]
        labels = {f"operators.operatorframework.io.bundle.{part}.v1": f"{part}/" for part in ("manifests", "metadata")}
        config = {"architecture": "amd64", "os": "linux", "config": {"Labels": labels},
                  "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.keep(CONFIG, json.dumps(config).encode()),
                    "layers": [self.keep(LAYER, content) for content, _ in layers]}
        content = json.dumps(manifest).encode()
        for tag in ("1", digest(content)):
            self.manifests[f"/v2/{name}/manifests/{tag}"] = content
        return f"{self.host}/{name}:1"

    def keep(self, media_type, content):
        self.blobs[digest(content)] = content
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet, as far as it fits

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self):
        registry, content, kind = self.server.registry, None, "other"
        if self.path == "/v2/":
            content, media_type = b"{}", "application/json"
        elif "/manifests/" in self.path:
            kind, media_type, content = "manifest", MANIFEST, registry.manifests.get(self.path)
        elif "/blobs/" in self.path:
            kind, media_type, content = "blob", "application/octet-stream", registry.blobs.get(self.path.rsplit("/", 1)[1])
        with registry.lock:
            registry.requests[kind] = registry.requests.get(kind, 0) + 1
            registry.open += 1
            registry.most_open = max(registry.most_open, registry.open)
        time.sleep(registry.latency)
        with registry.lock:
            registry.open -= 1
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        if content is not None:
            self.send_header("Content-Type", media_type)
            self.send_header("Docker-Content-Digest", digest(content))
        self.end_headers()
        if content is not None and self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(folder, part):
    """A directory of a bundle as a layer: (compressed, digest of what is compressed)."""
    files = {}
    for name in sorted(os.listdir(os.path.join(folder, part))):
        with open(os.path.join(folder, part, name), "rb") as file:
            files[f"{part}/{name}"] = file.read()
    return tarred(files)


def tarred(files):
    """Files by their paths as a layer."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, content in files.items():
            about = tarfile.TarInfo(path)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return gzip.compress(made.getvalue(), mtime=0), digest(made.getvalue())
