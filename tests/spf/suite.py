"""The test suite of RFC 7208 against an engine: each case is one test."""

import json
import subprocess
import sys

import tap
from tap import Failure


def hexed(text):
    octets = text if isinstance(text, bytes) else text.encode('latin-1')
    return octets.hex() or '-'


class Engine:
    """The program that answers; it is told the zones and asked the cases."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        self.process.stdin.write(' '.join(words) + '\n')

    def ask(self, case):
        self.tell('check', case['host'], hexed(case['helo']),
                  hexed(case['mailfrom']))
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure('the engine has ended')
        result, asked, text = line.rstrip('\n').split(' ', 2)
        return result, int(asked), text


def records(entries):
    """The records of one name, as (type, text). An SPF record stands for a TXT
    record where there is no TXT at all, as the suite says."""
    plain = [e for e in entries if isinstance(e, dict)]
    has_text = any('TXT' in e for e in plain)
    for entry in plain:
        (kind, value), = entry.items()
        if kind == 'TXT' and value == 'NONE':
            continue
        if kind == 'SPF':
            if has_text:
                continue
            kind = 'TXT'
        if kind == 'MX':
            value = value[1]
        yield kind, ''.join(value)
    if 'TIMEOUT' in entries:
        yield 'TIMEOUT', ''


def tell_zone(engine, zone):
    engine.tell('zone')
    for name, entries in zone.items():
        for kind, value in records(entries):
            engine.tell('record', hexed(name), kind, hexed(value))


def judge(engine, group, case, lookups):
    tell_zone(engine, group['zonedata'])
    result, asked, text = engine.ask(case)
    wanted = case['result']
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if result not in wanted:
        raise Failure('%s, not %s' % (result, ' or '.join(wanted)))
    if asked > lookups:
        raise Failure('%d look-ups' % asked)
    explanation = case.get('explanation', 'DEFAULT')
    if 'explanation' in case and text != explanation.replace('DEFAULT', ''):
        raise Failure('"%s", not "%s"' % (text, explanation))


def judge_known(engine, group, case, lookups, known):
    """A case that the engine is known to answer in its own way."""
    tell_zone(engine, group['zonedata'])
    result, asked, text = engine.ask(case)
    tap.equal(text if known.startswith('"') else result, known.strip('"'),
              'the known difference')
    tap.check(asked <= lookups, '%d look-ups' % asked)


def known_differences(path):
    """Lines of a case's name and what is answered: a result, or in quotes an
    explanation."""
    lines = [line.rstrip('\n') for line in open(path, encoding='utf-8')
             if line.strip() and not line.startswith('#')]
    return dict(line.split(' ', 1) for line in lines)


def main(suite, differences, lookups, command):
    groups = json.load(open(suite, encoding='utf-8'))
    known = known_differences(differences)
    engine = Engine(command)
    names = [name for group in groups for name in group['tests']]
    for group in groups:
        for name, case in group['tests'].items():
            if name in known:
                tap.case(name + ', a known difference', judge_known, engine,
                         group, case, int(lookups), known[name])
            else:
                tap.case(name, judge, engine, group, case, int(lookups))
    tap.case('all 203 cases are there', tap.equal, len(names), 203, 'cases')
    tap.case('the known differences are cases', tap.equal,
             sorted(set(known) - set(names)), [], 'others')
    tap.main()


arguments = sys.argv[1:]
del sys.argv[1:]
main(*arguments[:3], arguments[3:])
