"""HTTP/2 by hand, as little as it takes to ask a gRPC server: to measure without a library, and to be a client that no library is."""
import socket

HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, body=b""):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def request(path):
    """A connection's beginning and one call of a method, with an empty message."""
    def field(name, value):
        return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

    headers = b"\x83\x86" + field(b":path", path.encode()) + field(b":authority", b"localhost")  # POST, http
    headers += field(b"content-type", b"application/grpc") + field(b"te", b"trailers")
    return HELLO + frame(4, 0, 0) + frame(1, 4, 1, headers) + frame(0, 1, 1, b"\0" * 5)


def serving(port):
    """Whether grpc.health.v1.Health/Check answers SERVING."""
    got = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2) as s:
            s.settimeout(0.5)
            s.sendall(request("/grpc.health.v1.Health/Check"))
            while more := s.recv(4096):
                got += more
                while len(got) >= 9 and len(got) >= 9 + int.from_bytes(got[:3], "big"):
                    end = 9 + int.from_bytes(got[:3], "big")
                    kind, flags, body, got = got[3], got[4], got[9:end], got[end:]
                    if kind == 0 and body:
                        return body == b"\0\0\0\0\2\x08\1"  # a message of two bytes: field 1 is 1, SERVING
                    if kind == 1 and flags & 1:
                        return False
    except OSError:
        pass
    return False
