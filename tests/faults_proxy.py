"""A TCP proxy on loopback that resets connections: the one fault that no HTTP server can be asked for."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

_NO_LINGER = struct.pack("ii", 1, 0)
_CHUNK = 65536


class When(StrEnum):
    """`BEFORE`: the request never reaches the server. `AFTER`: it does, and the answer is thrown away."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


@dataclass
class FaultsProxy:
    """`url` stands in for the server at `upstream`; set `reset` at any time. `resets` counts them."""

    upstream: tuple[str, int]
    reset: When = When.NEVER
    resets: int = 0
    url: str = ""

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._handle, args=(client,), daemon=True)
            thread.start()

    def _handle(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self.upstream, timeout=5) as server:
            client.settimeout(5)
            while request := client.recv(_CHUNK):
                if self.reset is When.BEFORE:
                    return self._hang_up(client)
                server.sendall(request)
                while not _is_whole(request):
                    request += (more := client.recv(_CHUNK))
                    server.sendall(more)
                answer = server.recv(_CHUNK)
                if self.reset is When.AFTER:
                    return self._hang_up(client)
                client.sendall(answer)
        return None

    def _hang_up(self, client: socket.socket) -> None:
        """With a lingering time of zero the kernel sends RST in place of FIN."""
        self.resets += 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def _is_whole(request: bytes) -> bool:
    head, separator, body = request.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(separator) and len(body) >= int(lengths[0] if lengths else 0)


@contextmanager
def faults_proxy(host: str, port: int) -> Iterator[FaultsProxy]:
    proxy = FaultsProxy((host, port))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=proxy.serve, args=(listener,), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)
