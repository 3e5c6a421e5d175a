"""Clients of all kinds for a server that is to be worn out: fast, slow, silent, and such as go in the middle of an answer."""
import random, signal, socket, struct, subprocess, threading, time

from . import wire
from .commands import Failed

EDITED = "list it again"  # what a listing ends with whose database was edited meanwhile, as is promised


class Crowd:
    """Threads that act on one server until they are told to stop. What should not have happened is in `faults`."""

    def __init__(self, server):
        self.server, self.over, self.faults = server, threading.Event(), []
        self.counts = {"answers": 0, "slow": 0, "silent": 0, "killed": 0}
        self.lock = threading.Lock()

    def run(self, seconds, also=()):
        """Everybody at once, for so long; `also` are more functions, which are told how long to pause between two deeds."""
        self.over.clear()
        deeds = [self.asks, self.lists, self.is_killed] + [self.is_slow] * 6 + [self.is_silent] * 4
        threads = [threading.Thread(target=self.repeat, args=(deed,)) for deed in (*deeds, *also)]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join()

    def repeat(self, deed):
        while not self.over.is_set():
            try:
                deed()
            except Exception as fault:  # whatever it is, it is to be told, and the others go on
                self.faults.append(f"{deed.__name__}: {fault!r}"[:300])
                self.over.wait(1)

    def count(self, what, amount=1):
        with self.lock:
            self.counts[what] += amount

    def asks(self):
        self.count("answers", self.server.ask("package", 1, 8)[0]["answers"])

    def lists(self):
        try:
            self.count("answers", self.server.ask("list", 1, 4)[0]["answers"])
        except Failed as fault:
            if EDITED not in str(fault):
                raise

    def is_killed(self):
        """Many listings at once, whose client is gone before they are."""
        argv = [self.server.press, f"localhost:{self.server.port}", "list", "1000", "8"]
        client = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.over.wait(random.uniform(0.1, 1.5))
        client.kill()
        said = client.communicate()[1]
        if client.returncode != -signal.SIGKILL and EDITED not in said:
            raise Failed(f"press ended by itself: {said.strip()[-200:]}")
        self.count("killed")

    def is_slow(self):
        """Asks for everything and reads a little of it, or nothing, and goes with or without a farewell."""
        with socket.create_connection(("127.0.0.1", self.server.port), 5) as s:
            s.settimeout(0.2)
            s.sendall(wire.request("/api.Registry/ListBundles"))
            end, reads = time.time() + random.uniform(1, 8), random.random() < 0.5
            while time.time() < end and not self.over.wait(0.1):
                try:
                    if reads and not s.recv(1024):
                        break
                except OSError:
                    break
            self.leave(s)
        self.count("slow")

    def is_silent(self):
        """Connects and says nothing, or half of what is said first."""
        with socket.create_connection(("127.0.0.1", self.server.port), 5) as s:
            s.sendall(random.choice((b"", wire.HELLO[:10], wire.HELLO, wire.request("/api.Registry/ListBundles")[:-20])))
            self.over.wait(random.uniform(0.2, 4))
            self.leave(s)
        self.count("silent")

    @staticmethod
    def leave(s):
        if random.random() < 0.5:  # a reset instead of an end
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
