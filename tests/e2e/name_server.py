"""A real name server on loopback, and ones that are slow or dead before it."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading

from server import PATIENCE
from tap import Skip, until

NSD = shutil.which('nsd', path=os.environ.get('PATH', '') + ':/usr/sbin')

CONFIG = '''
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    server-count: 1
    database: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    logfile: "{folder}/log"
remote-control:
    control-enable: no
'''

ZONE = 'zone:\n    name: "{0}"\n    zonefile: "{0}"\n'

HEAD = '''$ORIGIN {}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
'''


def free_port():
    """One that is free over UDP and TCP."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(('127.0.0.1', 0))
            with socket.socket() as tcp:
                try:
                    tcp.bind(udp.getsockname())
                except OSError:
                    continue
                return udp.getsockname()[1]


def question(name):
    labels = b''.join(bytes([len(label)]) + label.encode()
                      for label in name.split('.'))
    return b'\0\7\1\0\0\1\0\0\0\0\0\0' + labels + b'\0\0\6\0\1'


class NameServer:
    """nsd with the zones {name: text}, for as long as the `with` block."""

    def __init__(self, zones):
        if NSD is None:
            raise Skip('no nsd')
        self.zones = zones
        self.folder = tempfile.mkdtemp(prefix='slimta-nsd-')
        self.port = free_port()
        self.address = '127.0.0.1:%d' % self.port

    def __enter__(self):
        config = CONFIG.format(port=self.port, folder=self.folder)
        for name, text in self.zones.items():
            config += ZONE.format(name)
            self._write(name, HEAD.format(name) + text)
        self._write('nsd.conf', config)
        self.child = subprocess.Popen(
            [NSD, '-d', '-c', os.path.join(self.folder, 'nsd.conf')],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            until(self._answers, 'the name server answers', PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), 'w') as file:
            file.write(text)

    def _answers(self):
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.connect(('127.0.0.1', self.port))
            try:
                udp.send(question(next(iter(self.zones))))
                return len(udp.recv(512)) > 12
            except OSError:
                return False

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)


class Between:
    """Stands before a name server over UDP, and keeps the questions that
    `keeps` says yes to until `release`; without a server all of them, for
    ever."""

    def __init__(self, server, keeps):
        self.server = server
        self.keeps = keeps
        self.kept = []
        self.asked = 0
        self.lock = threading.Lock()
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.udp.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(type=socket.SOCK_DGRAM) as last:
            last.sendto(b'', self.udp.getsockname())
        self.thread.join(PATIENCE)
        self.udp.close()

    def _run(self):
        while True:
            octets, sender = self.udp.recvfrom(4096)
            if not octets:
                return
            with self.lock:
                self.asked += 1
                if self.keeps(octets):
                    self.kept.append((octets, sender))
                    continue
            self._forward(octets, sender)

    def _forward(self, octets, sender):
        if self.server is None:
            return
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.settimeout(PATIENCE)
            udp.connect(('127.0.0.1', self.server.port))
            udp.send(octets)
            self.udp.sendto(udp.recv(4096), sender)

    def release(self):
        with self.lock:
            kept, self.kept, self.keeps = self.kept, [], lambda _: False
        for octets, sender in kept:
            self._forward(octets, sender)

    def has_asked(self, count=1):
        with self.lock:
            return self.asked >= count
