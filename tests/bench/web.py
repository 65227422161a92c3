"""What a mail over HTTP costs slimta-httpd, beside other servers of HTTP."""

import dataclasses
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile

from server import PATIENCE, Failure, Peer, row

KB, MB = 1024, 1000 * 1000
OURS = "slimta-httpd"
HERE = pathlib.Path(__file__).parent

# One process, and nothing is written. `return` alone discards a body, which is
# the least that can be done with it; the buffer of the head holds ours too, so
# that one read has taken all of it before the answer. Nothing of nginx that
# hands a body to a module is cheaper.
NGINX = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_header_buffer_size 8k;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        return 200;
    }}
}}
"""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What is posted, and the ratios that are aimed at."""

    title: str
    connections: int
    size: int
    seconds: int
    peers: tuple
    aims: dict
    unit: str
    scale: float # from microseconds a request to the unit


SCENARIOS = (
    Scenario("4 KB, kept connections", 16, 4 * KB, 2,
             (OURS, "floor", "nginx", "node"), {"nginx": 1.3},
             "µs a request", 1),
    Scenario("10 MB, kept connections", 2, 10 * MB, 3,
             (OURS, "floor", "node"), {"floor": 2, "node": 0.25},
             "ms a GB", 1e9 / (10 * MB) / 1e3),
)


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Web:
    """All peers, visited in turn in each round."""

    def __init__(self, bench):
        self.bench = bench
        self.folder = tempfile.mkdtemp(prefix="slimta-bench-")
        self.peers = {peer.name: peer for peer in self.find_peers()}
        # (scenario title, peer name) -> CPU microseconds a request, one a round
        self.cpu_us = {}

    def find_peers(self):
        yield Peer(OURS, [
            self.bench.build / "examples/slimta-httpd", "--listen",
            "127.0.0.1:0", "--hostname", "bench.example.com", "--queue",
            "discard:", "--log-level", "error"])
        yield Peer("floor", [self.bench.build / "tests/bench/http_floor"])
        if find_program("nginx"):
            yield Peer("nginx", [find_program("nginx"), "-p", self.folder,
                                 "-c", self.write_nginx_configuration(),
                                 "-e", "stderr"])
        if find_program("node"):
            yield Peer("node", [find_program("node"), HERE / "node_server.js"])

    def write_nginx_configuration(self):
        path = pathlib.Path(self.folder, "nginx.conf")
        path.write_text(NGINX.format(folder=self.folder, port=free_port()))
        return path

    def measure(self, scenario, peer, seconds):
        """CPU microseconds for one request."""
        command = [find_program("wrk"), "-t", "1", "-c",
                   str(scenario.connections), "-d", str(seconds), "-s",
                   str(HERE / "post.lua"), f"http://127.0.0.1:{peer.port}/"]
        cpu = peer.cpu_ns()
        done = subprocess.run(
            command, preexec_fn=self.bench.pin_load, text=True,
            capture_output=True, timeout=PATIENCE,
            env=dict(os.environ, BODY_BYTES=str(scenario.size)))
        cpu = peer.cpu_ns() - cpu
        if done.returncode != 0:
            raise Failure(f"wrk: {done.stderr.strip()}")
        requests, refused, broken = map(int, done.stderr.split())
        if requests == 0 or refused > 0 or broken > 0:
            raise Failure(f"{peer.name}: {requests} requests, {refused} not "
                          f"answered with 200, {broken} broken")
        return cpu / 1e3 / requests

    def run_round(self, number):
        """Round 0 warms up and is not counted."""
        for scenario in SCENARIOS:
            names = [name for name in scenario.peers if name in self.peers]
            turn = number % len(names)
            seconds = 1 if self.bench.quick or number == 0 \
                else scenario.seconds
            for name in names[turn:] + names[:turn]:
                cpu = self.measure(scenario, self.peers[name], seconds)
                if number > 0:
                    self.cpu_us.setdefault((scenario.title, name), []).append(cpu)

    def report(self, scenario):
        ours = self.cpu_us[scenario.title, OURS]
        for name in scenario.peers:
            cpu = self.cpu_us.get((scenario.title, name))
            if cpu is None:
                continue
            ratios = [own / other for own, other in zip(ours, cpu)]
            ratio = statistics.median(ratios)
            aim = scenario.aims.get(name)
            row(scenario.title, name,
                f"{statistics.median(cpu) * scenario.scale:.1f} "
                + scenario.unit,
                f"{ratio:.2f}", f"{min(ratios):.2f}–{max(ratios):.2f}",
                "" if aim is None else f"{aim:g}",
                "" if aim is None else "met" if ratio <= aim else "over")

    def run(self):
        if not (self.bench.build / "examples/slimta-httpd").exists() \
                or not find_program("wrk"):
            print("\nslimta-httpd or wrk is missing: HTTP is left out")
            return
        try:
            for peer in self.peers.values():
                peer.start(self.bench.server_cpu)
            for number in range(self.bench.rounds + 1):
                self.run_round(number)
        finally:
            for peer in self.peers.values():
                peer.stop()
            shutil.rmtree(self.folder)
        print()
        row("HTTP", "server", "CPU", "slimta-httpd to it", "spread", "aim", "")
        row("---", "---", "--:", "--:", "--:", "--:", "---")
        for scenario in SCENARIOS:
            self.report(scenario)
        print(flush=True)
