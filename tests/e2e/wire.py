"""A client that says exactly the octets that a test wants."""

import socket
import struct

from server import PATIENCE
from tap import Failure, check, equal

MESSAGE = b'Subject: one\r\n\r\nbody\r\n'


class Wire:
    """One connection; every wait is bounded."""

    def __init__(self, where, greet=True, source=None, header=b''):
        if isinstance(where, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(where)
        else:
            address = where if isinstance(where, tuple) else (
                '127.0.0.1', where)
            self.socket = socket.create_connection(
                address, PATIENCE, source and (source, 0))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(header)
        self.held = b''
        self.banner = self.reply() if greet else None
        if greet:
            equal(self.banner[:4], '220 ', 'the banner')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def line(self):
        """The next line without its end; None when the server has closed."""
        while b'\r\n' not in self.held:
            try:
                more = self.socket.recv(65536)
            except socket.timeout:
                raise Failure('no reply; so far: %r' % self.held)
            except ConnectionResetError:
                raise Failure('connection reset; so far: %r' % self.held)
            if not more:
                equal(self.held, b'', 'octets without a line end')
                return None
            self.held += more
        line, self.held = self.held.split(b'\r\n', 1)
        check(len(line) <= 510, 'a reply line of %d octets' % len(line))
        check(all(31 < octet < 127 for octet in line),
              'a reply that is not printable ASCII: %r' % line)
        return line.decode('ascii')

    def reply(self):
        """One reply, its lines parted by LF; None when the server has closed.
        """
        lines = []
        while True:
            line = self.line()
            if line is None:
                equal(lines, [], 'half a reply')
                return None
            lines.append(line)
            equal(line[:3], lines[0][:3], 'one code in each line')
            if line[3:4] != '-':
                return '\n'.join(lines)

    def expect(self, beginning):
        reply = self.reply()
        if reply is None or not reply.startswith(beginning):
            raise Failure('%r, wanted %r' % (reply, beginning))
        return reply

    def is_silent(self):
        """Nothing that was not read yet has come up to now."""
        if self.held:
            return False
        self.socket.setblocking(False)
        try:
            self.held = self.socket.recv(65536)
            return False
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def ask(self, command, beginning):
        if isinstance(command, str):
            command = command.encode()
        self.send(command + b'\r\n')
        return self.expect(beginning)

    def expect_end(self):
        """Nothing more, and the server's end of the connection."""
        equal(self.reply(), None, 'after the last reply')

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Goes with a reset instead of an orderly end."""
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack('ii', 1, 0))
        self.socket.close()

    def greet(self):
        self.ask('EHLO client.example', '250-Hello client.example')
        return self

    def open(self, *recipients, sender='sender@example.com'):
        """Up to the 354."""
        self.ask('MAIL FROM:<%s>' % sender, '250 2.1.0 ')
        for recipient in recipients or ['rcpt@example.net']:
            self.ask('RCPT TO:<%s>' % recipient, '250 2.1.5 ')
        self.ask('DATA', '354 ')
        return self

    def deliver(self, content=MESSAGE, **how):
        """A whole mail; returns the id that the queue gave it."""
        self.open(**how)
        self.send(stuff(content) + b'.\r\n')
        return self.expect('250 2.6.0 Message queued as ').rsplit(' ', 1)[1]

    def quit(self):
        self.ask('QUIT', '221 2.0.0 Bye')
        self.expect_end()
        self.socket.close()


def stuff(content):
    """RFC 5321 §4.5.2: a line that begins with a dot gets another one."""
    stuffed = content.replace(b'\r\n.', b'\r\n..')
    return b'.' + stuffed if stuffed[:1] == b'.' else stuffed
