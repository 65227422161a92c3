"""What a message costs slimta-smtpd that comes with BDAT, beside DATA."""

import dataclasses
import statistics

from server import row, smtpd

AIM = 1.05
KB, MB = 1024, 1000 * 1000


@dataclasses.dataclass(frozen=True)
class Pair:
    """The same messages, sent in both ways."""

    title: str
    connections: int
    messages: int
    size: int
    chunk: int
    aim: float | None = AIM

    def sizes(self, mode):
        """What load is told of the message."""
        return [self.size] + ([self.chunk] if mode == "chunked" else [])


PAIRS = (
    Pair("4 KB, one chunk", 16, 25000, 4 * KB, 4 * KB),
    Pair("10 MB, one chunk", 2, 30, 10 * MB, 10 * MB),
    Pair("10 MB, chunks of 1 MB", 2, 30, 10 * MB, MB),
    # Each chunk has its reply: the kernel's part is greater than ours.
    Pair("10 MB, chunks of 64 KB", 2, 30, 10 * MB, 64 * KB, None),
)


def judge(ratio, aim):
    if aim is None:
        return "", ""
    return f"{aim:g}", "met" if ratio <= aim else "over"


class Chunks:
    """One server; in each round both ways, begun with the other one than in
    the round before."""

    def __init__(self, bench):
        self.bench = bench
        self.server = smtpd("slimta-smtpd",
                            bench.build / "examples/slimta-smtpd")
        self.figures = {}

    def run_round(self, pair, number):
        modes = ("pipelined", "chunked")
        messages = pair.messages
        if self.bench.quick or number == 0:
            messages = max(messages // 4, 2 * pair.connections)
        for mode in modes if number % 2 else modes[::-1]:
            cpu, _ = self.bench.measure_load(
                mode, self.server, pair.connections, messages,
                *pair.sizes(mode))
            if number > 0:
                self.figures.setdefault((pair, mode), []).append(cpu)

    def report(self, pair):
        data, chunks = (self.figures[pair, mode]
                        for mode in ("pipelined", "chunked"))
        ratios = [own / other for own, other in zip(chunks, data)]
        ratio = statistics.median(ratios)
        row(pair.title, f"{statistics.median(data):.1f}",
            f"{statistics.median(chunks):.1f}", f"{ratio:.3f}",
            f"{min(ratios):.2f}–{max(ratios):.2f}", *judge(ratio, pair.aim))

    def run(self):
        self.server.start(self.bench.server_cpu)
        try:
            for number in range(self.bench.rounds + 1):
                for pair in PAIRS:
                    self.run_round(pair, number)
        finally:
            self.server.stop()
        row("pipelined", "DATA µs a message", "BDAT", "ratio", "spread", "aim",
            "")
        row("---", "--:", "--:", "--:", "--:", "--:", "---")
        for pair in PAIRS:
            self.report(pair)
        print(flush=True)
