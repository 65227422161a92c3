"""SPF in the demo, with a real name server: every result of it, for clients
whose addresses stand in PROXY headers."""

import os

import header
import tap
from name_server import Between, NameServer
from server import PATIENCE, Server, run
from tap import check, equal, until
from wire import Wire

IPV4, IPV6 = '192.0.2.9', '2001:db8::9'

ZONES = {
    'spf.test': '''
pass TXT "v=spf1 ip4:192.0.2.9 ip6:2001:db8::9 -all"
fail TXT "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all exp=why.spf.test"
plain TXT "v=spf1 -all"
lost TXT "v=spf1 -all exp=nowhere.spf.test"
why TXT "%{c}%_is%_" "not%_ours"
spaces TXT "v=spf1 -all exp=why2.spf.test"
why2 TXT "%{i} is not " "ours"
soft TXT "v=spf1 mx ~all"
soft MX 10 mx
mx A 198.51.100.25
neutral TXT "v=spf1 include:soft.spf.test ?all"
bad TXT "v=spf1 -al"
none TXT "something else"
broken TXT "v=spf1 include:elsewhere.test -all"
helo TXT "v=spf1 a:mx.spf.test redirect=fail.spf.test"
name TXT "v=spf1 ptr:client.test -all"
slow TXT "v=spf1 -all"
''',
    'client.test': '''
right A 192.0.2.9
right AAAA 2001:db8::9
''',
    '2.0.192.in-addr.arpa': '9 PTR right.client.test.\n',
    '8.b.d.0.1.0.0.2.ip6.arpa': '9%s PTR right.client.test.\n' % (23 * '.0'),
}

RULES = ['fail=550:5.7.1 No: {reason}', 'softfail=450', 'neutral=250:2.1.0 Hm',
         'none=551:5.7.1 {reason}', 'permerror=552:5.5.2 {reason}',
         'temperror=451:4.4.3 Again: later']

# What either engine comes to; {ip} is the client's address.
ANSWERS = [
    ('a@pass.spf.test', '250 2.1.0 <a@pass.spf.test> Ok'),
    ('a@name.spf.test', '250 2.1.0 <a@name.spf.test> Ok'),
    ('a@fail.spf.test', '550 5.7.1 No: {ip} is not ours'),
    ('a@plain.spf.test', '550 5.7.1 No: plain.spf.test does not permit {ip}'),
    ('a@lost.spf.test', '550 5.7.1 No: lost.spf.test does not permit {ip}'),
    ('a@soft.spf.test', '450 4.7.1 Access denied'),
    ('a@neutral.spf.test', '250 2.1.0 Hm'),
    ('a@none.spf.test', '551 5.7.1 none.spf.test has no SPF record'),
    ('a@missing.spf.test', '551 5.7.1 missing.spf.test has no SPF record'),
    ('a@[192.0.2.9]', '551 5.7.1 no domain to check'),
    ('a@bad.spf.test', '552 5.5.2 SPF of bad.spf.test cannot be checked: '
                       'an SPF record with an error'),
    # nobody serves this zone
    ('a@elsewhere.test', '451 4.4.3 Again: later'),
    ('a@broken.spf.test', '451 4.4.3 Again: later'),
    ('', '550 5.7.1 No: {ip} is not ours'),
]


def arguments(address, *more):
    found = ['--resolver', address, '--proxy-protocol', 'auto']
    for rule in RULES:
        found += ['--spf', rule]
    return found + list(more)


def said(wire, command):
    wire.send(command.encode() + b'\r\n')
    return wire.reply().rstrip('\r\n')


def hears_each_answer(server, client, proxied):
    with Wire(server.port, header=proxied(client)) as wire:
        said(wire, 'EHLO helo.spf.test')
        for sender, answer in ANSWERS:
            equal(said(wire, 'MAIL FROM:<%s>' % sender),
                  answer.format(ip=client),
                  '%s from %s' % (sender, client))
            said(wire, 'RSET')


def asks_each(engine):
    with NameServer(ZONES) as names, Server(
            *arguments(names.address, '--spf-engine', engine)) as server:
        for client in IPV4, IPV6:
            for proxied in header.BOTH:
                hears_each_answer(server, client, proxied)


for _engine in os.environ.get('SPF_ENGINES', 'strict').split():
    tap.case('%s: every result of a proxied client is answered by its rule'
             % _engine, asks_each, _engine)


@tap.test
def explanation():
    """the strict engine keeps the spaces of an explanation"""
    with NameServer(ZONES) as names, Server(
            *arguments(names.address)) as server:
        with Wire(server.port, header=header.v1(IPV4)) as wire:
            said(wire, 'EHLO client.test')
            equal(said(wire, 'MAIL FROM:<a@spaces.spf.test>'),
                  '550 5.7.1 No: 192.0.2.9 is not ours', 'fail')


@tap.test
def another_client():
    """one session's client is no other's, whatever is cached"""
    with NameServer(ZONES) as names, Server(
            *arguments(names.address)) as server:
        for client, code in ((IPV4, '250'), ('192.0.2.10', '550'),
                             (IPV6, '250'), ('2001:db8::10', '550')):
            for proxied in header.BOTH:
                with Wire(server.port, header=proxied(client)) as wire:
                    said(wire, 'EHLO client.test')
                    wire.ask('MAIL FROM:<a@pass.spf.test>', code)


@tap.test
def real_endpoints():
    """a header without a client leaves the real one to be checked"""
    with NameServer(ZONES) as names, Server(
            *arguments(names.address)) as server:
        with Wire(server.port, header=b'PROXY UNKNOWN\r\n') as wire:
            said(wire, 'EHLO client.test')
            equal(said(wire, 'MAIL FROM:<a@fail.spf.test>'),
                  '550 5.7.1 No: 127.0.0.1 is not ours', 'fail')


def is_slow(octets):
    return b'\4slow\3spf' in octets


@tap.test
def slow_domain():
    """one waits for a slow domain, a hundred are answered before it"""
    with NameServer(ZONES) as names, Between(names, is_slow) as between, \
            Server(*arguments(between.address)) as server:
        with Wire(server.port, header=header.v2(IPV6)) as waiting:
            said(waiting, 'EHLO client.test')
            waiting.send(b'MAIL FROM:<a@slow.spf.test>\r\n')
            until(lambda: between.kept, 'the slow domain is asked', PATIENCE)
            for _ in range(100):
                with Wire(server.port, header=header.v1(IPV4)) as wire:
                    said(wire, 'EHLO client.test')
                    wire.ask('MAIL FROM:<a@pass.spf.test>', '250 2.1.0 ')
            check(waiting.is_silent(), 'it did not wait')
            between.release()
            waiting.expect('550 5.7.1 No: slow.spf.test does not permit')


@tap.test
def dead_server():
    """a name server that never answers makes a temperror at the deadline"""
    with Between(None, lambda _: True) as dead, \
            Server(*arguments(dead.address)) as server:
        with Wire(server.port, header=header.v1(IPV4)) as wire:
            said(wire, 'EHLO client.test')
            equal(said(wire, 'MAIL FROM:<a@pass.spf.test>'),
                  '451 4.4.3 Again: later', 'reply')
        check(dead.has_asked(), 'it was not asked')


@tap.test
def bad_rules():
    """a rule that is none is refused with the usage"""
    for rule in ['', 'fail', 'fail=', 'fail=55', 'fail=5500', 'fail=199',
                 'fail=600', 'unchecked=550', 'maybe=550', 'fail=550:4.7.1 x',
                 'fail=550:' + 513 * 'x']:
        code, _, errors = run('--spf', rule)
        equal(code, 2, 'exit of ' + rule)
        check('RESULT=CODE[:MESSAGE]' in errors, errors)


tap.main()
