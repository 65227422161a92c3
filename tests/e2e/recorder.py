"""Stands between a client and a server, and keeps what the client says."""

import socket
import threading

from server import PATIENCE


class Recorder:
    """Listens on loopback for as long as the `with` block, and hands on to a
    port of loopback or to the path of a UNIX socket."""

    def __init__(self, to):
        self.to = to
        self.heard = []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _connect(self):
        if isinstance(self.to, int):
            return socket.create_connection(('127.0.0.1', self.to), PATIENCE)
        result = socket.socket(socket.AF_UNIX)
        result.connect(self.to)
        return result

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = self._connect()
            for way in (client, server, True), (server, client, False):
                threading.Thread(target=self._carry, args=way,
                                 daemon=True).start()

    def _carry(self, source, target, is_client):
        try:
            while True:
                octets = source.recv(65536)
                if not octets:
                    break
                if is_client:
                    with self.lock:
                        self.heard.append(octets)
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def said(self):
        """All that clients have said so far."""
        with self.lock:
            return b''.join(self.heard)
