"""How much memory an optimised build of the library takes, as the kernel counts
it for a host's process: with many large messages in flight, with a next hop
that stands still, and with many sessions that wait."""

import os
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import tap
from project import BUILD, CC, LIBRARIES, SOURCE, release, run
from server import PATIENCE
from tap import Failure, check, equal, until

MIB = 1 << 20

MESSAGES = 200
LARGE = 50 * 1000 * 1000
MOST = 64 * MIB

RELAYED = 50
HANDED_ON = 100 * 1000 * 1000
MOST_RELAYED = 8 * MIB

IDLE = 10000
MOST_IDLE = 2048

BLOCK = b'x' * 98 + b'\r\n'
ENVELOPE = (b'EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n'
            b'RCPT TO:<b@example.net>\r\nDATA\r\n')


def program():
    """The host, with the optimised library in it."""
    out = BUILD / 'memory-host'
    run(CC + ['-std=c11', '-D_POSIX_C_SOURCE=200809L', '-O2', '-I',
              SOURCE / 'include', SOURCE / 'tests/e2e/memory_host.c', '-o', out,
              release() / 'lib/libslimta-edge.a'] + LIBRARIES)
    return out


class Host:
    """The running host, its memory, and what it says."""

    def __init__(self, kind, *more):
        # The directory is on a disk: in memory, files would be measured too.
        self.spill = tempfile.mkdtemp(prefix='slimta-spill-', dir='/var/tmp')
        self.child = subprocess.Popen(
            [program(), kind, self.spill, *more], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        if not line:
            raise Failure('the host did not start: %s' % self.child.wait())
        self.port = int(line)

    def ask(self, word='tell'):
        """Open ops, begins, commits, aborts."""
        self.child.stdin.write(word + '\n')
        self.child.stdin.flush()
        return tuple(map(int, self.child.stdout.readline().split()))

    def resident(self):
        return self._kilobytes('smaps_rollup', 'Rss')

    def peak(self):
        return self._kilobytes('status', 'VmHWM')

    def _kilobytes(self, file, name):
        with open('/proc/%d/%s' % (self.child.pid, file)) as lines:
            return int(re.search(r'^%s:\s+(\d+) kB' % name, lines.read(),
                                 re.M).group(1)) * 1024

    def end(self):
        self.child.stdin.close()
        words = self.child.stdout.readline().split()
        equal(self.child.wait(PATIENCE), 0, 'how the host ended')
        return tuple(map(int, words))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        shutil.rmtree(self.spill, ignore_errors=True)


def connect(port):
    client = socket.create_connection(('127.0.0.1', port), PATIENCE)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # It goes with a reset: 10,000 would keep their ports for a minute.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack('ii', 1, 0))
    return client


def read_until(client, end):
    """The replies, up to the line that begins so."""
    got = b''
    while not re.search(rb'^' + end + rb' [^\n]*\n\Z', got, re.M):
        more = client.recv(65536)
        check(more, 'closed after %r' % got)
        got += more
    return got


def open_message(port):
    client = connect(port)
    client.sendall(ENVELOPE)
    read_until(client, b'354')
    return client


class Sender:
    """One message on its way: lines up to its size, then its end."""

    def __init__(self, client, size):
        self.client = client
        client.setblocking(False)
        self.left = size // len(BLOCK) * len(BLOCK)
        self.chunk = memoryview(BLOCK * 2000)
        self.end = b'.\r\n'

    def is_done(self):
        return self.left == 0 and not self.end

    def send(self):
        """Sends what is taken at once; RFC 5321 knows no boundaries."""
        while self.left > 0:
            # Whole lines: the rest of one that was cut comes first.
            start = -self.left % len(BLOCK)
            size = min(self.left, len(self.chunk) - start)
            self.left -= self.client.send(self.chunk[start:start + size])
        self.end = self.end[self.client.send(self.end):] if self.end else b''


def send_all(senders):
    """Sends as long as anything is taken; what is not taken then stays."""
    poll = select.poll()
    by_number = {sender.client.fileno(): sender for sender in senders}
    for number in by_number:
        poll.register(number, select.POLLOUT)
    # A host that only takes its time passes too: it is never called wrong.
    while by_number:
        ready = poll.poll(1000)
        if not ready:
            return
        for number, _ in ready:
            try:
                by_number[number].send()
            except BlockingIOError:
                pass
            if by_number[number].is_done():
                poll.unregister(number)
                del by_number[number]


def say_memory(what, grown, most):
    print('# %s: %.1f MiB of %.0f' % (what, grown / MIB, most / MIB))
    check(grown < most, '%s: %d octets, allowed are %d' % (what, grown, most))


def finish(sender):
    sender.client.setblocking(True)
    sender.client.settimeout(PATIENCE)
    read_until(sender.client, b'250')
    sender.client.close()


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Failure('%d descriptors are needed in each process, the limit is '
                      '%d: raise it with ulimit -Hn' % (count, hard))
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def streamed():
    """Nothing is read while the queue's writes are open; then it goes on."""
    with Host('stream') as host:
        before = host.resident()
        senders = [Sender(open_message(host.port), LARGE)
                   for _ in range(MESSAGES)]
        send_all(senders)
        until(lambda: host.ask()[0] == MESSAGES, 'a write of each is open')
        check(all(not sender.is_done() for sender in senders),
              'a message was read to its end by a queue that sleeps')
        say_memory('%d messages of 50 MB' % MESSAGES, host.peak() - before,
                   MOST)
        host.ask('wake')
        for sender in senders[10:]:
            sender.client.close()
        send_all(senders[:10])
        for sender in senders[:10]:
            finish(sender)
        say_memory('and when the queue woke up', host.peak() - before, MOST)
        equal(host.end(), (0, MESSAGES, 10, MESSAGES - 10),
              'open, begins, commits, aborts')


# All of them at 50 MB would need 10 GB of a disk: some stand for the rest.
SPILLED = [LARGE] * 20 + [2 * 1000 * 1000] * (MESSAGES - 20)


def spilled():
    """Whole messages wait in files until the queue takes them."""
    need = sum(SPILLED) + 500 * MIB
    free = shutil.disk_usage('/var/tmp').free
    if free < need:
        raise Failure('%d MB are needed in /var/tmp, %d are free'
                      % (need // 1000000, free // 1000000))
    with Host('enqueue') as host:
        before = host.resident()
        senders = [Sender(open_message(host.port), size) for size in SPILLED]
        send_all(senders)
        until(lambda: host.ask()[0] == MESSAGES, 'the queue has each of them',
              PATIENCE)
        say_memory('%d messages, %d of 50 MB, in files'
                   % (MESSAGES, SPILLED.count(LARGE)), host.peak() - before,
                   MOST)
        host.ask('wake')
        for sender in senders:
            finish(sender)
        equal(host.end(), (0, 0, MESSAGES, 0), 'open, begins, commits, aborts')


class Hop:
    """A next hop that reads no content until it is told to."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=RELAYED)
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        self.goes_on = threading.Event()
        self.lock = threading.Lock()
        self.waiting = 0
        self.octets = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(line,),
                             daemon=True).start()

    def serve(self, line):
        with line, line.makefile('rb') as words:
            line.sendall(b'220 hop\r\n')
            for word in words:
                if word.startswith(b'DATA'):
                    line.sendall(b'354 Go ahead\r\n')
                    self.take_content(words)
                line.sendall(b'250 Ok\r\n')

    def take_content(self, words):
        with self.lock:
            self.waiting += 1
        self.goes_on.wait()
        size = 0
        for word in words:
            if word == b'.\r\n':
                break
            size += len(word)
        with self.lock:
            self.octets += size

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def relayed():
    """Nothing is read while the next hop stands still; then all goes through,
    and nothing of it was ever held."""
    hop = Hop()
    with Host('relay', hop.address) as host:
        before = host.resident()
        senders = [Sender(open_message(host.port), HANDED_ON)
                   for _ in range(RELAYED)]
        send_all(senders)
        until(lambda: hop.waiting == RELAYED, 'the hop has begun each content')
        check(all(not sender.is_done() for sender in senders),
              'a message was read to its end before a hop that stands still')
        say_memory('%d messages of 100 MB before a hop that stands still'
                   % RELAYED, host.peak() - before, MOST_RELAYED)
        hop.goes_on.set()
        for sender in senders[2:]:
            sender.client.close()
        send_all(senders[:2])
        for sender in senders[:2]:
            finish(sender)
        check(hop.octets >= 2 * (HANDED_ON - len(BLOCK)),
              'the hop has %d octets' % hop.octets)
        say_memory('and when it went on', host.peak() - before, MOST_RELAYED)
        host.end()
    hop.close()


def idle():
    """They hold no buffers, neither before their first mail nor after."""
    need_descriptors(IDLE + 200)
    with Host('discard') as host:
        with connect(host.port) as client:
            client.sendall(b'EHLO client.example\r\n')
            read_until(client, b'250')
        before = host.resident()
        clients = []
        for _ in range(IDLE):
            client = connect(host.port)
            client.sendall(b'EHLO client.example\r\n')
            clients.append(client)
        for client in clients:
            read_until(client, b'250')
        say_idle('that have said EHLO', host.resident() - before)
        for client in clients:
            client.sendall(b'MAIL FROM:<a@example.com>\r\n'
                           b'RCPT TO:<b@example.net>\r\nDATA\r\n')
            read_until(client, b'354')
            client.sendall(b'Subject: one\r\n\r\nbody\r\n.\r\n')
            read_until(client, b'250')
        equal(host.ask(), (0, 0, IDLE, 0), 'open, begins, commits, aborts')
        say_idle('that have delivered', host.resident() - before)
        for client in clients:
            client.close()
        host.end()


def say_idle(what, grown):
    print('# %d sessions %s: %d octets each' % (IDLE, what, grown // IDLE))
    check(grown < IDLE * MOST_IDLE, '%d octets each, allowed are %d'
          % (grown // IDLE, MOST_IDLE))


tap.case('200 streamed messages of 50 MB stay below 64 MiB', streamed)
tap.case('200 spilled messages stay below 64 MiB', spilled)
tap.case('50 messages of 100 MB are handed on within 8 MiB', relayed)
tap.case('10,000 idle sessions stay below 2 KB each', idle)


if __name__ == '__main__':
    tap.main()
