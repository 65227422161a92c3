"""SPF in the demo, with a real name server: every result of it."""

import tap
from name_server import NameServer
from server import Server, run
from tap import check, equal
from wire import Wire

ZONES = {
    'spf.test': '''
pass TXT "v=spf1 ip4:127.0.0.1 -all"
fail TXT "v=spf1 -all exp=why.spf.test"
plain TXT "v=spf1 -all"
why TXT "%{i} is not " "ours"
soft TXT "v=spf1 mx ~all"
soft MX 10 mx
mx A 192.0.2.1
neutral TXT "v=spf1 include:soft.spf.test ?all"
bad TXT "v=spf1 -al"
none TXT "something else"
helo TXT "v=spf1 a:mx.spf.test redirect=fail.spf.test"
''',
}

RULES = ['fail=550:5.7.1 No: {reason}', 'softfail=450', 'neutral=250:2.1.0 Hm',
         'none=551:5.7.1 {reason}', 'permerror=552:5.5.2 {reason}',
         'temperror=451:4.4.3 Again: later']

ANSWERS = [
    ('a@pass.spf.test', '250 2.1.0 <a@pass.spf.test> Ok'),
    ('a@fail.spf.test', '550 5.7.1 No: 127.0.0.1 is not ours'),
    ('a@plain.spf.test',
     '550 5.7.1 No: plain.spf.test does not permit 127.0.0.1'),
    ('a@soft.spf.test', '450 4.7.1 Access denied'),
    ('a@neutral.spf.test', '250 2.1.0 Hm'),
    ('a@none.spf.test', '551 5.7.1 none.spf.test has no SPF record'),
    ('a@missing.spf.test', '551 5.7.1 missing.spf.test has no SPF record'),
    ('a@[127.0.0.1]', '551 5.7.1 no domain to check'),
    ('a@bad.spf.test', '552 5.5.2 SPF of bad.spf.test cannot be checked: '
                       'an SPF record with an error'),
    # nobody serves this zone
    ('a@elsewhere.test', '451 4.4.3 Again: later'),
    ('', '550 5.7.1 No: 127.0.0.1 is not ours'),
]


def arguments(server, *more):
    found = ['--resolver', server.address]
    for rule in RULES:
        found += ['--spf', rule]
    return found + list(more)


def said(wire, command):
    wire.send(command.encode() + b'\r\n')
    return wire.reply().rstrip('\r\n')


def asks_each(engine, cases):
    with NameServer(ZONES) as names, Server(
            *arguments(names, '--spf-engine', engine)) as server:
        with Wire(server.port) as wire:
            said(wire, 'EHLO helo.spf.test')
            for sender, wanted in cases:
                equal(said(wire, 'MAIL FROM:<%s>' % sender), wanted, sender)
                said(wire, 'RSET')


@tap.test
def strict():
    """every result is answered by its rule"""
    asks_each('strict', ANSWERS)


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
