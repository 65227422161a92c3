"""What it costs to hand a message on to the next hop, beside HAProxy, which
only carries octets, before the same smtp-sink."""

import dataclasses
import os
import pathlib
import shutil
import socket
import statistics
import tempfile

from server import Peer, find_smtp_sink, row, smtpd

KB, MB = 1024, 1000 * 1000

CONFIG = """
global
    maxconn 200
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen smtp
    bind 127.0.0.1:{port}
    server sink 127.0.0.1:{sink}
"""


@dataclasses.dataclass(frozen=True)
class Load:
    title: str
    mode: str
    connections: int
    messages: int
    size: int


LOADS = (
    Load("4 KB, kept connections", "kept", 16, 6000, 4 * KB),
    Load("4 KB, commands grouped", "grouped", 16, 6000, 4 * KB),
    Load("10 MB, kept connections", "kept", 2, 20, 10 * MB),
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def haproxy(folder, sink):
    """None where there is none."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "")
                           + ":/usr/sbin")
    if program is None:
        print("haproxy (Debian's package) was not found: it is left out\n")
        return None
    path = pathlib.Path(folder) / "haproxy.cfg"
    path.write_text(CONFIG.format(port=free_port(), sink=sink))
    return Peer("haproxy", [program, "-db", "-f", path])


class Relay:
    """Each proxy in turn, in each round begun with another one."""

    def __init__(self, bench):
        self.bench = bench
        self.binary = bench.build / "examples/slimta-smtpd"
        self.figures = {}

    def make_peers(self, folder, sink):
        ours = smtpd("slimta-smtpd", self.binary, "--queue",
                     f"smtp://127.0.0.1:{sink.port}")
        return [peer for peer in (ours, haproxy(folder, sink.port))
                if peer is not None]

    def run_round(self, peers, number):
        turn = number % len(peers)
        for load in LOADS:
            messages = load.messages
            if self.bench.quick or number == 0:
                messages = max(messages // 4, 2 * load.connections)
            for peer in peers[turn:] + peers[:turn]:
                cpu, _ = self.bench.measure_load(
                    load.mode, peer, load.connections, messages, load.size)
                if number > 0:
                    self.figures.setdefault((load, peer.name), []).append(cpu)

    def report(self, load, peers):
        for peer in peers:
            own = self.figures[load, peer.name]
            cells = ["", ""]
            if peer.name != "haproxy" and (load, "haproxy") in self.figures:
                ratios = [one / other for one, other in zip(
                    own, self.figures[load, "haproxy"])]
                cells = [f"{statistics.median(ratios):.2f}",
                         f"{min(ratios):.2f}–{max(ratios):.2f}"]
            cpu = statistics.median(own)
            row(load.title, peer.name, f"{cpu:.1f}", f"{1e6 / cpu:.0f}",
                *cells)

    def run(self):
        sink = find_smtp_sink(pathlib.Path(__file__).resolve().parents[2])
        started = [sink]
        with tempfile.TemporaryDirectory() as folder:
            try:
                # Beside the generator: it is the proxy that is measured.
                sink.start(self.bench.load_cpu)
                peers = self.make_peers(folder, sink)
                for peer in peers:
                    started.append(peer)
                    peer.start(self.bench.server_cpu)
                for number in range(self.bench.rounds + 1):
                    self.run_round(peers, number)
            finally:
                for peer in reversed(started):
                    peer.stop()
        row("handed on to smtp-sink", "proxy", "CPU µs a message",
            "messages a CPU second", "ratio to haproxy", "spread")
        row("---", "---", "--:", "--:", "--:", "--:")
        for load in LOADS:
            self.report(load, peers)
        print(flush=True)
