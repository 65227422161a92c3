"""Behind a balancer: PROXY headers of our own making, and a real HAProxy."""

import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import threading

import tap
from balancer import Balancer, check_configuration, guide_configuration
from header import SIGNATURE, v1, v2
from secure_clients import (CERTIFICATES, certificate, pair, trusting)
from server import PATIENCE, Server, run
from tap import check, equal, test, until
from wire import MESSAGE, Wire

EXAMPLE = os.environ['BEHIND_PROXY']
V1 = v1('192.0.2.7')
V2 = v2('192.0.2.7')
LOCAL = SIGNATURE + b'\x20\0\0\0'


def closed_without_a_word(wire):
    try:
        wire.expect_end()
    except tap.Failure as failure:
        # What it did not read is answered with a reset.
        check('connection reset; so far: b\'\'' in str(failure), failure)


def check_stored(server, client, protocol='ESMTP'):
    stored = server.maildir.take_one()
    stored.check_trace('sender@example.com', ['rcpt@example.net'], protocol)
    check('[%s])' % client in stored.received,
          '%s is not in Received: %s' % (client, stored.received))
    equal(stored.content, MESSAGE, 'the stored message')


def deliver_behind(version, header, client):
    with Server('--proxy-protocol', version, '--log-level', 'debug') as server:
        with Wire(server.port, greet=False) as wire:
            wire.send(header + b'EHLO client.example\r\n')
            wire.expect('220 ')
            wire.expect('250-Hello client.example')
            wire.deliver()
            wire.quit()
        check_stored(server, client)
        until(lambda: re.search(r'connect session=\d+ client=\S*\]?:4711 '
                                r'peer=127\.0\.0\.1:',
                                server.process.errors()), 'the event')


for _version, _header, _client in [
        ('v1', V1, '192.0.2.7'), ('v2', V2, '192.0.2.7'),
        ('auto', V1, '192.0.2.7'), ('auto', V2, '192.0.2.7'),
        ('v1', v1('2001:db8::7'), 'IPv6:2001:db8::7'),
        ('auto', v2('2001:db8::7'), 'IPv6:2001:db8::7')]:
    tap.case('--proxy-protocol %s: a mail of %s behind %r' % (
        _version, _client, _header[:5]), deliver_behind, _version, _header,
        _client)


@test
def real_endpoints():
    """LOCAL and UNKNOWN are served with the real endpoints"""
    with Server('--proxy-protocol', 'auto') as server:
        for header in LOCAL, b'PROXY UNKNOWN\r\n':
            with Wire(server.port, greet=False) as wire:
                wire.send(header)
                wire.expect('220 ')
                wire.greet().deliver()
                wire.quit()
            check_stored(server, '127.0.0.1')


@test
def wrong():
    """without a header, or with a wrong one, it closes without a word"""
    rows = [(b'EHLO client.example\r\n', 'no PROXY header'),
            (b'PROXY TCP4 192.0.2.7\r\n', None),
            (SIGNATURE + b'\x31', 'version is not 2')]
    with Server('--proxy-protocol', 'auto') as server:
        for octets, reason in rows:
            with Wire(server.port, greet=False) as wire:
                wire.send(octets)
                closed_without_a_word(wire)
            until(lambda: reason is None or 'reason="%s"' % reason
                  in server.process.errors(), 'the event')
    with Server('--proxy-protocol', 'v2') as server:
        with Wire(server.port, greet=False) as wire:
            wire.send(V1)
            closed_without_a_word(wire)


@test
def cut():
    """one that leaves in its header is told, one that says nothing is not"""
    with Server('--proxy-protocol', 'auto') as server:
        for octets in b'', V1[:9]:
            with Wire(server.port, greet=False) as wire:
                wire.send(octets)
                wire.half_close()
                wire.expect_end()
        until(lambda: 'header is cut' in server.process.errors(), 'the event')
        equal(server.process.errors().count('proxy peer='), 1, 'events')
        # A reset may overtake what was sent.
        for _ in range(20):
            wire = Wire(server.port, greet=False)
            wire.send(V1[:9])
            wire.reset()
        with Wire(server.port, greet=False) as wire:
            wire.send(V1)
            wire.expect('220 ')


@test
def late():
    """a header that comes octet by octet has an end, which a command's caps"""
    with Server('--proxy-protocol', 'v1', '--command-timeout', '1') as server:
        with Wire(server.port, greet=False) as wire:
            stop = threading.Event()

            def drip():
                for octet in V1[:-1]:
                    if stop.wait(0.1):
                        return
                    try:
                        wire.send(bytes([octet]))
                    except OSError:
                        return
            thread = threading.Thread(target=drip)
            thread.start()
            closed_without_a_word(wire)
            stop.set()
            thread.join()
        until(lambda: 'reason=timeout' in server.process.errors(), 'the event')


@test
def per_client():
    """--max-connections-per-ip counts the client that the header names"""
    with Server('--proxy-protocol', 'auto', '--max-connections-per-ip',
                '1') as server:
        def arrive(header):
            wire = Wire(server.port, greet=False)
            wire.send(header)
            return wire
        with arrive(V1) as one, arrive(v2('192.0.2.8')) as two:
            one.expect('220 ')
            two.expect('220 ')
            with arrive(V2) as three:
                equal(three.reply(), '421 4.7.0 Too many connections', 'reply')
                three.expect_end()
            one.quit()

            def has_room():
                with arrive(V1) as wire:
                    return wire.reply().startswith('220 ')
            until(has_room, 'a place')


@test
def too_many():
    """--max-connections: nothing is said before the header"""
    with Server('--proxy-protocol', 'auto', '--max-connections', '1') as s:
        with Wire(s.port, greet=False) as one:
            with Wire(s.port, greet=False) as two:
                closed_without_a_word(two)
            one.send(V1)
            one.expect('220 ')


@test
def stopped():
    """a connection that waits for its header does not hold up the end"""
    with Server('--proxy-protocol', 'auto', '--drain-timeout', '3600') as s:
        with Wire(s.port, greet=False) as wire, Wire(s.port, greet=False):
            wire.send(V1[:9])
            s.signal(signal.SIGTERM)
            closed_without_a_word(wire)
            s.wait_for_end()


@test
def usage():
    """--proxy-protocol wants v1, v2 or auto"""
    for value in 'v3', '', 'V1':
        status, _, errors = run('--proxy-protocol', value)
        equal(status, 2, 'exit')
        check('v1, v2 or auto' in errors, errors)


# TLS


class Hello:
    """A TLS client whose octets the test sends."""

    def __init__(self):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trusting().wrap_bio(self.incoming, self.outgoing)

    def start(self):
        """The ClientHello."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.outgoing.read()
        raise tap.Failure('the handshake is done')

    def run(self, raw, step):
        """Does `step` of the client over the socket."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                result = None
            raw.sendall(self.outgoing.read())
            if result is not None:
                return result
            octets = raw.recv(65536)
            check(octets, 'the server has closed')
            self.incoming.write(octets)

    def deliver_nothing(self, raw):
        self.run(raw, lambda: self.tls.do_handshake() or True)
        check(self.run(raw, lambda: self.tls.read(100)).startswith(b'220 '),
              'no banner')
        self.tls.write(b'QUIT\r\n')
        equal(self.run(raw, lambda: self.tls.read(100)),
              b'221 2.0.0 Bye\r\n', 'QUIT')


@test
def hello_behind_header():
    """the ClientHello comes in one segment with the header, cut anywhere"""
    with Server('--proxy-protocol', 'auto', *pair('server'),
                '--tls-immediately') as server:
        for header in V1, V2:
            size = len(header)
            for at in [1, size - 1, size, size + 1, size + 100, None]:
                hello = Hello()
                octets = header + hello.start()
                with Wire(server.port, greet=False) as wire:
                    wire.send(octets[:at])
                    if at is not None:
                        wire.send(octets[at:])
                    hello.deliver_nothing(wire.socket)


@test
def wrong_before_tls():
    """with TLS at once a wrong header is closed without an alert"""
    with Server('--proxy-protocol', 'auto', *pair('server'),
                '--tls-immediately') as server:
        with Wire(server.port, greet=False) as wire:
            wire.send(Hello().start())
            closed_without_a_word(wire)
        until(lambda: 'no PROXY header' in server.process.errors(), 'event')


# HAProxy


def deliver_through(balancer, how):
    """A mail from 127.0.0.3."""
    source = ('127.0.0.3', 0)
    if how == 'TLS at once':
        client = smtplib.SMTP_SSL(*balancer.address, timeout=PATIENCE,
                                  source_address=source, context=trusting())
    else:
        client = smtplib.SMTP(*balancer.address, timeout=PATIENCE,
                              source_address=source)
    with client:
        client.ehlo('client.example')
        if how == 'STARTTLS':
            client.starttls(context=trusting())
            client.ehlo('client.example')
        client.mail('sender@example.com')
        client.rcpt('rcpt@example.net')
        equal(client.data(MESSAGE)[0], 250, 'the reply to the message')


def through_haproxy(version, send, how):
    options = [] if how == 'clear' else pair('server')
    if how == 'TLS at once':
        options += ['--tls-immediately']
    with Server('--proxy-protocol', version, *options) as server:
        with Balancer(server.port, send) as balancer:
            deliver_through(balancer, how)
            check_stored(server, '127.0.0.3',
                         'ESMTP' if how == 'clear' else 'ESMTPS')


for _version, _send in [('v1', 'send-proxy'), ('v2', 'send-proxy-v2'),
                        ('auto', 'send-proxy'), ('auto', 'send-proxy-v2'),
                        ('v2', 'send-proxy-v2 proxy-v2-options crc32c')]:
    for _how in 'clear', 'STARTTLS', 'TLS at once':
        tap.case('haproxy with %s before %s, %s' % (_send, _version, _how),
                 through_haproxy, _version, _send, _how)


@test
def haproxy_of_the_guide():
    """haproxy has nothing to say against the guide's configuration"""
    check_configuration(guide_configuration())


@test
def haproxy_ipv6():
    """haproxy names a client that came over IPv6"""
    if not socket.has_ipv6:
        raise tap.Skip('no IPv6')
    with Server('--proxy-protocol', 'v2') as server:
        try:
            balancer = Balancer(server.port, 'send-proxy-v2', host='::1')
        except OSError as error:
            raise tap.Skip(error)
        with balancer, Wire(balancer.address, greet=True) as wire:
            wire.greet().deliver()
            wire.quit()
            check_stored(server, 'IPv6:::1')


@test
def haproxy_without_a_header():
    """haproxy that sends no header is closed without a word"""
    with Server('--proxy-protocol', 'auto', '--command-timeout', '1') as s:
        with Balancer(s.port, '') as balancer:
            with Wire(balancer.port, greet=False) as wire:
                closed_without_a_word(wire)
        until(lambda: 'reason=timeout' in s.process.errors(), 'the event')


@test
def haproxy_many():
    """many clients at once, each with its own address"""
    with Server('--proxy-protocol', 'v2', '--threads', '2') as server:
        with Balancer(server.port, 'send-proxy-v2') as balancer:
            def deliver(number, failures):
                try:
                    with Wire(balancer.port,
                              source='127.0.0.%d' % number) as wire:
                        wire.greet().deliver(
                            sender='%d@example.com' % number)
                        wire.quit()
                except Exception as error:  # noqa: told below
                    failures.append('%d: %s' % (number, error))
            failures = []
            threads = [threading.Thread(target=deliver, args=(n, failures))
                       for n in range(2, 42)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal(failures, [], 'failures')
        got = {}
        for message in server.maildir.take():
            number = re.match(r'<(\d+)@', message.return_path).group(1)
            got[number] = re.search(r'\[([\d.]+)\]', message.received).group(1)
        equal(got, {str(n): '127.0.0.%d' % n for n in range(2, 42)}, 'clients')


def looked_at(how, check_line):
    with Server('--proxy-protocol', 'auto', '--log-level', 'debug') as server:
        with Balancer(server.port, how + ' check inter 100ms',
                      more=check_line) as balancer:
            def clients():
                """Of sessions: (client, peer)."""
                return re.findall(r' connect session=\d+ client=(\S+) '
                                  r'peer=(\S+)', server.process.errors())
            if check_line:
                balancer.wait_for_check(lambda: len(clients()) >= 3)
                balancer.wait_for_check(
                    lambda: 'verb=EHLO ehlo_as=balancer.example'
                    in server.process.errors())
            else:
                # It resets what it has opened: a session only if we are quick.
                balancer.wait_for_check(
                    lambda: balancer.check_status() == 'L4OK')
            equal([c for c in clients() if c[0] != c[1]], [], 'named clients')
            check('is DOWN' not in balancer.said(), balancer.said())
            deliver_through(balancer, 'clear')
            check_stored(server, '127.0.0.3')
        check('proxy peer=' not in server.process.errors(),
              server.process.errors())


for _send in 'send-proxy', 'send-proxy-v2':
    for _check in '', 'option smtpchk EHLO balancer.example':
        tap.case('haproxy with %s looks at the server, %s' % (
            _send, _check or 'by connecting'), looked_at, _send, _check)


@test
def haproxy_looks_without_a_header():
    """a look without an octet is neither a session nor an error"""
    with Server('--proxy-protocol', 'auto', '--log-level', 'debug') as server:
        for _ in range(20):
            Wire(server.port, greet=False).socket.close()
        with Wire(server.port, greet=False) as wire:
            wire.send(V1)
            wire.expect('220 ')
            wire.quit()
        until(lambda: ' closed ' in server.process.errors(), 'the session')
        equal(server.process.errors().count(' connect '), 1, 'sessions')
        check('proxy peer=' not in server.process.errors(), 'an error')


@test
def haproxy_tells_of_tls():
    """what send-proxy-v2-ssl tells stands in the session"""
    with open(certificate('server'), 'rb') as chain, open(
            os.path.join(CERTIFICATES, 'server.key'), 'rb') as key:
        files = {'pem': chain.read() + key.read()}
    with subprocess.Popen([EXAMPLE, '0'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as child:
        try:
            port = int(child.stderr.readline().rsplit(':', 1)[1])
            with Balancer(port, 'send-proxy-v2-ssl',
                          bind='ssl crt {folder}/pem', files=files) as b:
                with smtplib.SMTP_SSL(
                        *b.address, timeout=PATIENCE, context=trusting(),
                        source_address=('127.0.0.3', 0)) as client:
                    equal(client.noop()[0], 250, 'NOOP')
                    version = client.sock.version()
            line = child.stdout.readline()
            check(re.fullmatch(r'127\.0\.0\.3:\d+ came through '
                               r'127\.0\.0\.1:\d+\n', line), line)
            equal(child.stdout.readline(),
                  'with %s to the balancer\n' % version, 'what was printed')
        finally:
            child.terminate()


tap.main()
