"""A server under measurement, and how its CPU time and memory are read."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

REFERENCE = "smtp-sink"
PATIENCE = 120


class Failure(Exception):
    """What the user has to be told, in one line."""


class Peer:
    """A server under measurement: a process of ours on a port of its own."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.port = None
        self.log = None

    def start(self, cpu):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        deadline = time.monotonic() + 10
        while self.port is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{self.name} does not listen: {self.said()}")
            time.sleep(0.02)
            self.port = listening_port(self.process.pid)

    def said(self):
        self.log.seek(0)
        return self.log.read(400).strip() or "(it said nothing)"

    def cpu_ns(self):
        """User and system time of all its threads, living and ended.

        This is the kernel's CPU clock of the process, in nanoseconds: utime
        and stime in /proc count ticks of 10 ms. What clock_getcpuclockid()
        returns, Python does not offer; it is made of the pid like this.
        """
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1])
                for name in ("Rss", "Pss")}

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.process = self.port = None


def listening_port(pid):
    """The port that a process bound, whatever way it has to tell it."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))
        except OSError:
            continue
        if match:
            inodes.add(match[1])
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        field = line.split()
        if field[3] == "0A" and field[9] in inodes:
            return int(field[1].split(":")[1], 16)
    return None


def find_smtp_sink(source):
    """Installed, or taken out of Debian's package by ./dev bench."""
    root = source / "build/tools/postfix"
    sink = root / "usr/sbin/smtp-sink"
    environment = {"LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}
    if not sink.exists():
        found = shutil.which("smtp-sink", path=os.environ.get("PATH", "")
                             + ":/usr/sbin:/usr/local/sbin")
        if found is None:
            raise Failure("smtp-sink (Debian's package postfix) was not found")
        sink, environment = found, {}
    # Nothing is switched off: it announces PIPELINING and dumps nothing.
    command = [sink, "-m", "15000", "-t", "1000"]
    if os.geteuid() == 0:
        command += ["-u", "nobody"]
    return Peer(REFERENCE, [*command, "127.0.0.1:0", "1024"], environment)


def smtpd(name, binary, *more, queue="discard:"):
    command = [binary, "--listen", "127.0.0.1:0", "--hostname",
               "bench.example.com", "--queue", queue,
               "--max-connections", "15000", *more]
    known = subprocess.run([binary, "--help"], capture_output=True, text=True,
                           timeout=PATIENCE).stdout
    # All sessions come from one address.
    if "--max-connections-per-ip" in known:
        command += ["--max-connections-per-ip", "15000"]
    # smtp-sink writes no line for each message either.
    if "--log-level" in known:
        command += ["--log-level", "error"]
    return Peer(name, command)


def find_peers(source, build, beside):
    peers = [find_smtp_sink(source),
             Peer("floor", [build / "tests/bench/floor"])]
    ours = build / "examples/slimta-smtpd"
    if ours.exists():
        peers.append(smtpd("slimta-smtpd", ours))
    else:
        print(f"{ours} is not built: it is left out\n")
    peers += [smtpd(path, path) for path in beside]
    return peers


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)
