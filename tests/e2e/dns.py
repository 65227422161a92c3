"""Names of clients and block lists, with a real name server, for clients whose
addresses stand in PROXY headers."""

import contextlib
import os
import re
import signal
import subprocess
import threading

import header
import tap
from name_server import Between, NameServer
from server import PATIENCE, Server, environment, run
from tap import check, equal, until
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
5.2.0.192 A 127.0.0.1
2.0.0.127 A 127.0.0.2
9%s.8.b.d.0.1.0.0.2 A 127.0.0.2
9%s.8.b.d.0.1.0.0.2 TXT "seen over IPv6"
8%s.8.b.d.0.1.0.0.2 A 127.255.255.254
''' % (LONG, 23 * '.0', 23 * '.0', 23 * '.0'),
    'all.test': '* A 127.0.0.2\n',
    'slow.test': '9.2.0.192 A 127.0.0.2\n',
    '2.0.192.in-addr.arpa': '''
2 PTR right.client.test.
3 PTR wrong.client.test.
5 PTR nobody.client.test.
''',
    '8.b.d.0.1.0.0.2.ip6.arpa': '''
2%s PTR right.client.test.
3%s PTR wrong.client.test.
''' % (23 * '.0', 23 * '.0'),
    'client.test': '''
right A 198.51.100.1
right A 192.0.2.2
right AAAA 2001:db8::2
wrong A 198.51.100.3
wrong AAAA 2001:db8::4
''',
}

# By bl.test.
LISTED = ['192.0.2.9', '192.0.2.7', '2001:db8::9']
NOT_LISTED = ['192.0.2.10', '2001:db8::10',
              '192.0.2.6',  # the answer is not an address of a list
              '192.0.2.8', '192.0.2.5', '2001:db8::8',  # errors of the list
              '127.0.0.2', '::1', '10.0.0.1']  # not asked about


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


def banner(port, client, proxied=header.v1):
    with Wire(port, greet=False, header=proxied(client)) as wire:
        return wire.reply()


def is_greeted(port, client, proxied=header.v1):
    check(banner(port, client, proxied).startswith('220 '),
          '%s is refused' % client)


def demo(address, *more):
    return Server('--proxy-protocol', 'auto', '--resolver', address,
                  '--log-level', 'debug', *more)


@tap.test
def listed_or_not():
    """the client of a header is refused when it is listed, and no other"""
    with NameServer(ZONES) as names, \
            demo(names.address, '--dnsbl', 'bl.test') as server:
        for proxied in header.BOTH:
            for client in LISTED:
                equal(banner(server.port, client, proxied),
                      '550 Access denied', client)
            for client in NOT_LISTED:
                is_greeted(server.port, client, proxied)


@tap.test
def refused_client():
    """a refused client is only heard out, and the log says who it is"""
    with NameServer(ZONES) as names, \
            demo(names.address, '--dnsbl', 'bl.test') as server:
        with Wire(server.port, greet=False,
                  header=header.v2('2001:db8::9')) as wire:
            wire.expect('550 Access denied')
            wire.ask('EHLO client.test', '503')
            wire.ask('QUIT', '221')
            wire.expect_end()
        until(lambda: re.search(
            r'connect session=1 client=\[2001:db8::9\]:%d '
            r'peer=127\.0\.0\.1:' % header.CLIENT_PORT,
            server.process.errors()), 'the event')


@tap.test
def group():
    """one listing in a group is enough, whatever ails the other zones"""
    with NameServer(ZONES) as names, demo(
            names.address, '--dnsbl', 'all.test', '--dnsbl', 'bl.test',
            '--dnsbl', 'nowhere.example') as server:
        for proxied in header.BOTH:
            equal(banner(server.port, '192.0.2.9', proxied),
                  '550 Access denied', 'listed')
            is_greeted(server.port, '192.0.2.10', proxied)


def is_slow(octets):
    return b'\4slow\4test' in octets


@tap.test
def late_listing():
    """a client waits for a slow zone alone, and is refused by it"""
    with NameServer(ZONES) as names, \
            Between(names, is_slow) as between, \
            demo(between.address, '--dnsbl', 'slow.test') as server:
        with Wire(server.port, greet=False,
                  header=header.v1('192.0.2.9')) as waiting:
            until(lambda: between.kept, 'the slow zone is asked', PATIENCE)
            is_greeted(server.port, '127.0.0.9')
            check(waiting.is_silent(), 'it did not wait')
            between.release()
            waiting.expect('550 Access denied')


@tap.test
def dead_server():
    """a list that does not answer refuses nobody, at the deadline"""
    with Between(None, lambda _: True) as dead, \
            demo(dead.address, '--dnsbl', 'bl.test') as server:
        waiting = [Wire(server.port, greet=False, header=proxied(client))
                   for proxied in header.BOTH
                   for client in ('192.0.2.9', '2001:db8::9')]
        for wire in waiting:
            with wire:
                wire.expect('220 ')
        check(dead.has_asked(2), 'it was not asked')


@tap.test
def reasons():
    """the reason of a list is told; one that comes over TCP is cut"""
    with NameServer(ZONES) as names, \
            lists(names.address, 'bl.test') as port:
        for client, reason in (('192.0.2.9', 'seen sending spam'),
                               ('2001:db8::9', 'seen over IPv6'),
                               ('192.0.2.7', 250 * 'a' + 6 * 'b')):
            equal(banner(port, client), '550 Denied: ' + reason, client)


@tap.test
def errors_of_a_zone():
    """an error, a zone that lists all, one that is not there: by strictness"""
    with NameServer(ZONES) as names:
        for zone, client in (('bl.test', '192.0.2.8'),
                             ('bl.test', '2001:db8::8'),
                             ('all.test', '192.0.2.9'),
                             ('nowhere.example', '192.0.2.9')):
            with lists(names.address, zone) as port:
                is_greeted(port, client)
            with lists(names.address, zone, strictness='strict') as port:
                equal(banner(port, client), '550 Denied: No answer from '
                      + zone, zone)


@tap.test
def slow_zone():
    """one waits for a slow zone, a hundred are served before it"""
    with NameServer(ZONES) as names, \
            Between(names, is_slow) as between, \
            lists(between.address, 'slow.test', 'bl.test') as port:
        equal(banner(port, '192.0.2.9'), '550 Denied: seen sending spam',
              'one listing is enough')
        with Wire(port, greet=False,
                  header=header.v2('192.0.2.11')) as waiting:
            until(lambda: between.kept, 'the slow zone is asked',
                  PATIENCE)
            for _ in range(100):
                is_greeted(port, '127.0.0.9')
            check(waiting.is_silent(), 'it did not wait')
            between.release()
            waiting.expect('220 ')


@tap.test
def strict_deadline():
    """at the deadline a strict list refuses"""
    with Between(None, lambda _: True) as dead:
        with lists(dead.address, 'bl.test', timeout_ms=300,
                   strictness='strict') as port:
            equal(banner(port, '192.0.2.9'),
                  '550 Denied: No answer from bl.test', 'strict')
        check(dead.has_asked(), 'it was not asked')


@tap.test
def stop_while_waiting():
    """a host stops while its lists wait for a dead server"""
    with Between(None, lambda _: True) as dead:
        with lists(dead.address, 'bl.test') as port:
            waiting = Wire(port, greet=False, header=header.v1('192.0.2.9'))
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


def literal(client):
    """As Received has it (RFC 5321 section 4.1.3)."""
    return '[IPv6:%s]' % client if ':' in client else '[%s]' % client


@tap.test
def right_name():
    """a name that its addresses confirm stands in Received and in the log"""
    with NameServer(ZONES) as names, demo(names.address) as server:
        visits = [(client, proxied) for client in ('192.0.2.2', '2001:db8::2')
                  for proxied in header.BOTH]
        for count, (client, proxied) in enumerate(visits, 1):
            with Wire(server.port, header=proxied(client)) as wire:
                until(lambda: len(told(server)) >= count, 'the name is told',
                      PATIENCE)
                received = received_of(server, wire)
            check(received.startswith('from client.test (right.client.test '
                                      + literal(client) + ')'), received)
            check('client=' in told(server)[-1] and client in told(server)[-1]
                  and 'reverse_name=right.client.test' in told(server)[-1],
                  told(server)[-1])


@tap.test
def wrong_names():
    """a name with other addresses, one without, and none are not told"""
    with NameServer(ZONES) as names, \
            Between(names, lambda _: False) as between, \
            demo(between.address) as server:
        asked = 0
        for client, questions in (('192.0.2.3', 2), ('192.0.2.5', 2),
                                  ('192.0.2.4', 1), ('2001:db8::3', 2),
                                  ('2001:db8::5', 1)):
            asked += questions
            with Wire(server.port, header=header.v2(client)) as wire:
                until(lambda: between.has_asked(asked), 'all was asked',
                      PATIENCE)
                received = received_of(server, wire)
            check(received.startswith('from client.test (%s)'
                                      % literal(client)), received)
        equal(told(server), [], 'told')


@tap.test
def slow_name():
    """a name that does not come delays nothing"""
    with NameServer(ZONES) as names, \
            Between(names, lambda _: True) as between, \
            demo(between.address) as server:
        for _ in range(10):
            for client in '192.0.2.2', '2001:db8::2':
                with Wire(server.port, header=header.v1(client)) as wire:
                    received = received_of(server, wire)
                    wire.quit()
                check(received.startswith('from client.test (%s)'
                                          % literal(client)), received)
        check(between.has_asked(), 'it was not asked')
        between.release()
        with Wire(server.port, header=header.v1('192.0.2.2')) as wire:
            until(lambda: told(server), 'the name is told', PATIENCE)
        equal([line for line in told(server) if 'session=21 ' not in line],
              [], 'told about sessions that were over')


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


tap.main()
