"""What TLS costs slimta-smtpd, beside mbedTLS by itself."""

import dataclasses
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from server import PATIENCE, Failure, row, smtpd

AIM = 1.2
THREADS = 4
IDLE_SESSIONS = 1000
BULK_MEGABYTES = 10
STORM_THREADS = 8
NO_SUCH_VERSION = 3
STORMS = {
    "storm": f"{STORM_THREADS} clients make full handshakes",
    "hellos": f"{STORM_THREADS} clients leave after the first flight",
}


@dataclasses.dataclass(frozen=True)
class Counts:
    """How much is done for one figure."""

    full: int = 150
    resumed: int = 1500
    bulk: int = 10
    kept: int = 6000

    def of(self, kind):
        return getattr(self, kind)


def spread(ratios):
    return f"{min(ratios):.2f}–{max(ratios):.2f}"


class Generator:
    """tls_load, ready: what it does from here on is counted."""

    def __init__(self, secure, mode, version, peer, threads, count, nice=0):
        self.name = f"tls_load {mode} to {peer.name}"
        self.process = subprocess.Popen(
            [secure.program("tls_load"), mode, version, str(peer.port),
             str(threads), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: (secure.bench.pin_load(), os.nice(nice)))
        self.wait_ready()

    def wait_ready(self):
        if not self.process.stdout.readline().startswith("ready"):
            raise Failure(f"{self.name}: {self.process.stderr.read().strip()}")

    def go(self):
        self.process.stdin.write("g")
        self.process.stdin.flush()

    def finish(self):
        """Returns how much was done."""
        said, error = self.process.communicate(timeout=PATIENCE)
        if self.process.returncode != 0:
            raise Failure(f"{self.name}: {error.strip()}")
        return int(said.split()[1])


class Secure:
    """A server that speaks TLS at once, and one that offers STARTTLS."""

    def __init__(self, bench):
        self.bench = bench
        self.binary = bench.build / "examples/slimta-smtpd"
        self.counts = Counts(40, 300, 4, 1500) if bench.quick else Counts()
        self.figures = {}

    def program(self, name):
        return str(self.bench.build / "tests/bench" / name)

    # --- One figure

    def memory_us(self, kind, version, count):
        """mbedTLS's own cost of a handshake or a megabyte; None: it has no
        such version."""
        cpu = self.bench.server_cpu
        done = subprocess.run(
            [self.program("tls_memory"), kind, version, self.certificate,
             self.key, str(count)], text=True, capture_output=True,
            timeout=PATIENCE,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        if done.returncode == NO_SUCH_VERSION:
            return None
        if done.returncode != 0:
            raise Failure(f"tls_memory: {done.stderr.strip()}")
        return float(done.stdout)

    def server_us(self, mode, version, peer, threads, count):
        """CPU time of the server for one connection or message."""
        generator = Generator(self, mode, version, peer, threads, count)
        before = peer.cpu_ns()
        generator.go()
        done = generator.finish()
        return (peer.cpu_ns() - before) / 1e3 / done

    def message_rate(self):
        """Messages a second on plain connections."""
        count = self.counts.kept
        begin = time.monotonic()
        done = subprocess.run(
            self.bench.load("kept", self.plain, 16, count, 4096), text=True,
            capture_output=True, timeout=PATIENCE,
            preexec_fn=self.bench.pin_load)
        if done.returncode != 0:
            raise Failure(f"kept: {done.stderr.strip()}")
        return count / (time.monotonic() - begin)

    def storm_rates(self, mode):
        """The same, and handshakes a second, while others shake hands.

        The storm's clients have what CPU time the messages' one leaves."""
        storm = Generator(self, mode, "1.2", self.plain, STORM_THREADS,
                          1000000, nice=19)
        storm.go()
        storm.wait_ready()
        begin = time.monotonic()
        messages = self.message_rate()
        handshakes = storm.finish() / (time.monotonic() - begin)
        return messages, handshakes

    # --- Rounds

    def keep(self, name, figure):
        self.figures.setdefault(name, []).append(figure)

    def shake_hands(self, version):
        plain = [self.server_us(mode, version, self.plain, THREADS,
                                self.counts.resumed)
                 for mode in ("plain", "talk")]
        for kind in ("full", "resumed"):
            count = self.counts.of(kind)
            self.keep((kind, version), (
                self.memory_us(kind, version, count), *plain,
                self.server_us(kind, version, self.secure, THREADS, count)))

    def send_bulk(self, version):
        count = self.counts.bulk
        self.keep(("bulk", version), (
            self.memory_us("bulk", version, count * BULK_MEGABYTES),
            self.server_us("bulk-plain", version, self.plain, 2, count)
            / BULK_MEGABYTES,
            self.server_us("bulk", version, self.secure, 2, count)
            / BULK_MEGABYTES))

    def run_round(self):
        for version in self.versions:
            self.shake_hands(version)
            self.send_bulk(version)
        quiet = self.message_rate()
        for mode in STORMS:
            self.keep(mode, (quiet, *self.storm_rates(mode)))

    # --- Results

    def report_handshakes(self):
        row("handshake", "mbedTLS in memory, CPU µs", "plain connection",
            "plain, two NOOPs", "connection with TLS", "TLS : memory",
            "(TLS − plain) : memory", "(TLS − NOOPs) : memory", "spread",
            "aim", "")
        row("---", *["--:"] * 9, "---")
        for version in self.versions:
            for kind in ("full", "resumed"):
                self.report_handshake(kind, version)
        print(flush=True)

    def report_handshake(self, kind, version):
        rounds = self.figures[kind, version]
        medians = [statistics.median(column) for column in zip(*rounds)]
        raw = [tls / own for own, _, _, tls in rounds]
        above = [(tls - plain) / own for own, plain, _, tls in rounds]
        itself = [(tls - talk) / own for own, _, talk, tls in rounds]
        row(f"TLS {version}, {kind}", *(f"{cpu:.1f}" for cpu in medians),
            f"{statistics.median(raw):.2f}", f"{statistics.median(above):.2f}",
            f"{statistics.median(itself):.2f}", spread(itself), str(AIM),
            "met" if statistics.median(itself) <= AIM else "over")

    def report_bulk(self):
        row("10 MB messages", "mbedTLS in memory, CPU ms a MB", "plain",
            "with TLS", "(TLS − plain) : memory", "spread")
        row("---", *["--:"] * 5)
        for version in self.versions:
            rounds = self.figures["bulk", version]
            above = [(tls - plain) / own for own, plain, tls in rounds]
            row(f"TLS {version}",
                *(f"{statistics.median(column) / 1e3:.2f}"
                  for column in zip(*rounds)),
                f"{statistics.median(above):.2f}", spread(above))
        print(flush=True)

    def report_storms(self):
        row("plain sessions, 4 KB, kept", "messages/s", "in the storm",
            "ratio", "spread", "handshakes/s meanwhile")
        row("---", *["--:"] * 5)
        for mode, title in STORMS.items():
            rounds = self.figures[mode]
            ratios = [storm / calm for calm, storm, _ in rounds]
            quiet, stormy, shaken = (statistics.median(column)
                                     for column in zip(*rounds))
            row(title, f"{quiet:.0f}", f"{stormy:.0f}",
                f"{statistics.median(ratios):.2f}", spread(ratios),
                f"{shaken:.0f}")
        print(flush=True)

    def report_idle(self):
        row("idle sessions with TLS", "RSS KB each", "PSS KB each")
        row("---", "--:", "--:")
        for version in self.versions:
            used = self.idle_memory(version)
            row(f"{IDLE_SESSIONS} after EHLO, TLS {version}",
                f"{used['Rss']:.1f}", f"{used['Pss']:.1f}")

    def idle_memory(self, version):
        """KB that a session adds to a fresh process."""
        self.secure.start(self.bench.server_cpu)
        try:
            self.server_us("full", version, self.secure, 1, 1)
            before = self.secure.memory()
            generator = Generator(self, "idle", version, self.secure, 1,
                                  IDLE_SESSIONS)
            after = self.secure.memory()
            generator.finish()
        finally:
            self.secure.stop()
        return {name: (after[name] - before[name]) / IDLE_SESSIONS
                for name in before}

    # --- All of it

    def make_certificate(self, directory):
        """P-256, signed by itself."""
        self.certificate = f"{directory}/certificate.pem"
        self.key = f"{directory}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=bench.example.com", "-keyout", self.key, "-out",
             self.certificate], check=True, capture_output=True,
            timeout=PATIENCE)

    def make_peers(self):
        options = ["--tls-cert", self.certificate, "--tls-key", self.key]
        self.plain = smtpd("slimta-smtpd", self.binary, *options)
        self.secure = smtpd("slimta-smtpd with TLS", self.binary, *options,
                            "--tls-immediately")

    def run_rounds(self):
        try:
            self.plain.start(self.bench.server_cpu)
            self.secure.start(self.bench.server_cpu)
            for number in range(self.bench.rounds + 1):
                if number == 1:
                    self.figures = {} # the first round has warmed up
                self.run_round()
        finally:
            self.plain.stop()
            self.secure.stop()

    def run(self):
        if not self.binary.exists():
            return # that was said before
        print()
        with tempfile.TemporaryDirectory() as directory:
            self.make_certificate(directory)
            self.make_peers()
            self.versions = [version for version in ("1.2", "1.3")
                             if self.memory_us("full", version, 1) is not None]
            self.run_rounds()
            self.report_handshakes()
            self.report_bulk()
            self.report_storms()
            self.report_idle()
