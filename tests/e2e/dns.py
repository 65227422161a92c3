"""Names of clients and block lists, with a real name server."""

import contextlib
import os
import re
import signal
import subprocess
import threading

import tap
from name_server import Between, NameServer
from server import PATIENCE, Server, environment, run
from tap import Failure, check, equal, until
from wire import MESSAGE, Wire

DNS_HOST = os.environ.get('DNS_HOST', 'dns_host')

LONG = ' '.join('"%s"' % (250 * letter) for letter in 'abcdefgh')

ZONES = {
    'bl.test': '''
9.2.0.192 A 127.0.0.2
9.2.0.192 TXT "seen sending spam"
8.2.0.192 A 127.255.255.254
7.2.0.192 A 127.0.0.3
7.2.0.192 TXT %s
6.2.0.192 A 192.0.2.1
2.0.0.127 A 127.0.0.2
''' % LONG,
    'all.test': '* A 127.0.0.2\n',
    'slow.test': '9.2.0.192 A 127.0.0.2\n',
    '127.in-addr.arpa': '''
2.0.0 PTR right.client.test.
3.0.0 PTR wrong.client.test.
5.0.0 PTR nobody.client.test.
''',
    'client.test': '''
right A 192.0.2.1
right A 127.0.0.2
wrong A 192.0.2.3
''',
}


@contextlib.contextmanager
def lists(resolver, *zones, strictness='lenient', timeout_ms=60000):
    """The host with block lists; yields its port."""
    child = subprocess.Popen(
        [DNS_HOST, resolver, strictness, str(timeout_ms), *zones],
        stderr=subprocess.PIPE, text=True, env=environment())
    watchdog = threading.Timer(PATIENCE, child.kill)
    watchdog.start()
    with child:
        try:
            found = re.fullmatch(r'listening on 127\.0\.0\.1:(\d+)\n',
                                 child.stderr.readline())
            check(found, 'the host does not listen')
            yield int(found.group(1))
            child.send_signal(signal.SIGTERM)
            equal(child.wait(PATIENCE), 0, 'exit')
            equal(child.stderr.read(), '', 'complaints')
        finally:
            watchdog.cancel()
            child.kill()


def banner(port, client):
    with Wire(port, greet=False, source=client) as wire:
        return wire.reply()


def is_greeted(port, client):
    check(banner(port, client).startswith('220 '), '%s is refused' % client)


@tap.test
def listed_or_not():
    """a client is refused when it is listed, with the reason of the list"""
    with NameServer(ZONES) as server, \
            lists(server.address, 'bl.test') as port:
        equal(banner(port, '127.0.2.9'), '550 Denied: seen sending spam',
              'listed')
        is_greeted(port, '127.0.2.10')
        # The answer is not an address of a list.
        is_greeted(port, '127.0.2.6')
        # The list's entry for tests; a loopback address is not asked about.
        is_greeted(port, '127.0.0.2')


@tap.test
def long_reason():
    """a reason that comes over TCP is cut"""
    with NameServer(ZONES) as server, \
            lists(server.address, 'bl.test') as port:
        equal(banner(port, '127.0.2.7'),
              '550 Denied: ' + 250 * 'a' + 6 * 'b', 'reply')


@tap.test
def errors_of_a_zone():
    """an error, a zone that lists all, one that is not there: by strictness"""
    with NameServer(ZONES) as server:
        for zone, client in (('bl.test', '127.0.2.8'),
                             ('all.test', '127.0.2.9'),
                             ('nowhere.example', '127.0.2.9')):
            with lists(server.address, zone) as port:
                is_greeted(port, client)
            with lists(server.address, zone, strictness='strict') as port:
                equal(banner(port, client), '550 Denied: No answer from '
                      + zone, zone)


def is_slow(octets):
    return b'\4slow\4test' in octets


@tap.test
def slow_zone():
    """one waits for a slow zone, a hundred are served before it"""
    with NameServer(ZONES) as server, \
            Between(server, is_slow) as between, \
            lists(between.address, 'slow.test', 'bl.test') as port:
        with Wire(port, greet=False, source='127.0.2.9') as listed:
            equal(listed.reply(), '550 Denied: seen sending spam',
                  'one listing is enough')
        with Wire(port, greet=False, source='127.0.2.11') as waiting:
            until(lambda: len(between.kept) >= 1, 'the slow zone is asked',
                  PATIENCE)
            for _ in range(100):
                is_greeted(port, '127.0.0.9')
            waiting.socket.setblocking(False)
            try:
                octets = waiting.socket.recv(1)
                raise Failure('it did not wait: %r' % octets)
            except BlockingIOError:
                waiting.socket.settimeout(PATIENCE)
            between.release()
            check(waiting.reply().startswith('220 '), 'it is refused')


@tap.test
def dead_server():
    """a dead server ends at the deadline, and the lists know nothing"""
    with Between(None, lambda _: True) as dead:
        with lists(dead.address, 'bl.test', timeout_ms=300) as port:
            is_greeted(port, '127.0.2.9')
        with lists(dead.address, 'bl.test', timeout_ms=300,
                   strictness='strict') as port:
            equal(banner(port, '127.0.2.9'),
                  '550 Denied: No answer from bl.test', 'strict')
        check(dead.has_asked(2), 'it was not asked')


@tap.test
def stop_while_waiting():
    """a host stops while its lists wait for a dead server"""
    with Between(None, lambda _: True) as dead:
        with lists(dead.address, 'bl.test') as port:
            waiting = Wire(port, greet=False, source='127.0.2.9')
            until(dead.has_asked, 'it is asked', PATIENCE)
        waiting.socket.close()


def received_of(server, wire):
    """Delivers one message; its Received."""
    for line, code in ((b'EHLO client.test', '250'),
                       (b'MAIL FROM:<a@client.test>', '250'),
                       (b'RCPT TO:<b@example.net>', '250'),
                       (b'DATA', '354')):
        wire.send(line + b'\r\n')
        equal(wire.reply()[:3], code, line.decode())
    wire.send(MESSAGE + b'.\r\n')
    equal(wire.reply()[:3], '250', 'the message')
    return server.maildir.take_one().received


def told(server):
    return [line for line in server.process.errors().split('\n')
            if 'reverse_name' in line]


@tap.test
def right_name():
    """a name that its addresses confirm stands in Received and in an event"""
    with NameServer(ZONES) as names, \
            Server('--resolver', names.address, '--log-level',
                   'debug') as server:
        with Wire(server.port, source='127.0.0.2') as wire:
            until(lambda: told(server), 'the name is told', PATIENCE)
            received = received_of(server, wire)
        check(received.startswith(
            'from client.test (right.client.test [127.0.0.2])'), received)
        check('reverse_name=right.client.test' in told(server)[0],
              told(server)[0])


@tap.test
def wrong_names():
    """a name with other addresses, one without, and none are not told"""
    with NameServer(ZONES) as names, \
            Between(names, lambda _: False) as between, \
            Server('--resolver', between.address, '--log-level',
                   'debug') as server:
        asked = 0
        for client, questions in (('127.0.0.3', 2), ('127.0.0.5', 2),
                                  ('127.0.0.4', 1)):
            asked += questions
            with Wire(server.port, source=client) as wire:
                until(lambda: between.has_asked(asked), 'all was asked',
                      PATIENCE)
                received = received_of(server, wire)
            check(received.startswith('from client.test ([%s])' % client),
                  received)
        equal(told(server), [], 'told')


@tap.test
def slow_name():
    """a name that does not come delays nothing"""
    with Between(None, lambda _: True) as dead, \
            Server('--resolver', dead.address) as server:
        for _ in range(20):
            with Wire(server.port, source='127.0.0.2') as wire:
                received = received_of(server, wire)
            check(received.startswith('from client.test ([127.0.0.2])'),
                  received)
        check(dead.has_asked(), 'it was not asked')


@tap.test
def bad_values():
    """--resolver and --dnsbl say what is wrong, and exit 2"""
    for flag, value in (('--resolver', 'localhost'), ('--resolver', ''),
                        ('--resolver', '127.0.0.1:0'), ('--dnsbl', 'a b'),
                        ('--dnsbl', '')):
        status, out, errors = run(flag, value)
        equal((status, out), (2, ''), 'exit and output')
        check(re.fullmatch(r"slimta-smtpd: %s '%s': not [^\n]*" % (
            flag, re.escape(value)), errors.strip()), errors)


@tap.test
def demo_with_lists():
    """--dnsbl asks nothing about a loopback client, and the server serves"""
    with NameServer(ZONES) as names, \
            Server('--resolver', names.address, '--dnsbl', 'bl.test',
                   '--dnsbl', 'all.test') as server:
        with Wire(server.port, source='127.0.0.2') as wire:
            received_of(server, wire)


tap.main()
