"""What handing a mail on costs slimta-smtpd, beside HAProxy in TCP mode."""

import pathlib
import shutil
import statistics
import tempfile

from server import Peer, find_smtp_sink, row, smtpd
from web import find_program, free_port

OURS = "slimta-smtpd"
OTHER = "haproxy"
SCENARIOS = ("kept", "pipelined", "bulk")

# As it comes, but for one thread, as ours has.
HAPROXY = """\
global
    nbthread 1
    maxconn 1000
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{port}
    server sink 127.0.0.1:{sink}
"""


class Relay:
    """Both proxies before one smtp-sink, visited in turn in each round."""

    def __init__(self, bench, scenarios):
        self.bench = bench
        self.scenarios = [scenario for scenario in scenarios
                          if scenario.name in SCENARIOS]
        self.folder = tempfile.mkdtemp(prefix="slimta-bench-")
        self.sink = find_smtp_sink(pathlib.Path(__file__).resolve().parents[2])
        self.peers = []
        # (scenario name, peer name) -> CPU microseconds a message, one a round
        self.cpu_us = {}

    def make_peers(self):
        yield smtpd(OURS, self.bench.build / "examples/slimta-smtpd",
                    queue=f"smtp://127.0.0.1:{self.sink.port}")
        if find_program(OTHER):
            path = pathlib.Path(self.folder, "haproxy.cfg")
            path.write_text(
                HAPROXY.format(port=free_port(), sink=self.sink.port))
            yield Peer(OTHER, [find_program(OTHER), "-db", "-f", path])
        else:
            print("\nhaproxy is missing: it is left out")

    def run_round(self, number):
        """Round 0 warms up and is not counted."""
        turn = number % len(self.peers)
        for scenario in self.scenarios:
            messages = scenario.messages
            if self.bench.quick or number == 0:
                messages = max(messages // 4, 2 * scenario.connections)
            for peer in self.peers[turn:] + self.peers[:turn]:
                cpu, _ = self.bench.measure(scenario, peer, messages)
                if number > 0:
                    self.cpu_us.setdefault(
                        (scenario.name, peer.name), []).append(cpu)

    def report(self, scenario):
        ours = self.cpu_us[scenario.name, OURS]
        for peer in self.peers:
            cpu = self.cpu_us[scenario.name, peer.name]
            ratios = [own / other for own, other in zip(ours, cpu)]
            median = statistics.median(cpu)
            row(scenario.title, peer.name, f"{median:.1f}", f"{1e6 / median:.0f}",
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f}–{max(ratios):.2f}")

    def run(self):
        try:
            # Beside the generator: the proxy has its CPU for itself.
            self.sink.start(self.bench.load_cpu)
            self.peers = list(self.make_peers())
            for peer in self.peers:
                peer.start(self.bench.server_cpu)
            for number in range(self.bench.rounds + 1):
                self.run_round(number)
        finally:
            for peer in [*self.peers, self.sink]:
                peer.stop()
            shutil.rmtree(self.folder)
        print()
        row("handed on", "proxy", "CPU µs a message", "messages a CPU second",
            "slimta-smtpd to it", "spread")
        row("---", "---", "--:", "--:", "--:", "--:")
        for scenario in self.scenarios:
            self.report(scenario)
        print(flush=True)
