"""The demo's log: both formats, and clients that would forge it."""

import json
import os
import re
import resource
import signal

import tap
from server import Server
from tap import check, equal, test, until
from wire import MESSAGE, Wire

# Octets that would end a line, open another field, or colour a terminal.
HOSTILE = [b'x"\tsession=1', b'a\rmessage session=9 code=250', b'\x1b[31mred',
           b'\xff\xfe\x80', 'grün.example'.encode(), '\u2028x'.encode(),
           b'a\\"b', b'a=b', bytes(range(128, 256))]

EVENT = re.compile(
    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ([a-z_]+)'
    r'((?: [a-z_]+=(?:[^\s"=\\]+|"(?:[^"\\]|\\.)*"))*)')
FIELD = re.compile(r' ([a-z_]+)=([^\s"=\\]+|"(?:[^"\\]|\\.)*")')


def lines_of(server):
    """What was logged, without the lines that say where it listens."""
    lines = server.process.errors().split('\n')
    return [line for line in lines if not line.startswith('listening on ')]


def read_text(line):
    found = EVENT.fullmatch(line)
    check(found, 'no event: %r' % line)
    return found.group(1), dict(FIELD.findall(found.group(2)))


def read_json(line):
    check(line.isascii() and line.isprintable(), repr(line))
    event = json.loads(line)
    return event.pop('event'), event


def serve_hostile(server):
    """One mail by each client; what they say may or may not be accepted."""
    for octets in HOSTILE:
        with Wire(server.port) as wire:
            for command in (b'EHLO ' + octets, octets + b' x',
                            b'MAIL FROM:<"' + octets + b'"@example.com>'):
                wire.send(command + b'\r\n')
                wire.reply()
            wire.reset()
    with Wire(server.port) as wire:
        wire.greet().deliver()
        wire.quit()


def logged(server, read, name):
    """Every event, when one of that name is there."""
    def ready():
        events = [read(line) for line in lines_of(server) if line]
        return events if name in [e[0] for e in events] else None
    return until(ready, 'the event ' + name)


def finish(server, read):
    """Stops it and returns all that it has logged."""
    process = server.process
    server.stop()
    return [read(line) for line in process.errors().split('\n')
            if line and not line.startswith('listening on ')]


def check_story(events):
    names = [name for name, _ in events]
    sessions = {fields.get('session') for _, fields in events} - {None}
    equal(len(sessions), len(HOSTILE) + 1, 'sessions: %s' % sessions)
    for name in ('connect', 'closed'):
        equal(names.count(name), len(HOSTILE) + 1, name)
    equal(names.count('message'), 1, 'messages')
    equal(names[-2:], ['stopping', 'stopped'], 'the end')
    check(names.index('connect') < names.index('ehlo'), names)


@test
def text_cannot_be_forged():
    """--log-format text: one event is one line, whatever a client says"""
    with Server('--log-level', 'debug') as server:
        serve_hostile(server)
        events = finish(server, read_text)
        check_story(events)
        last = [fields for name, fields in events if name == 'message'][0]
        equal((last['code'], last['recipients'], last['sender']),
              ('250', '1', 'sender@example.com'), 'the message')


@test
def json_cannot_be_forged():
    """--log-format json: each line is an object of JSON"""
    with Server('--log-level', 'debug', '--log-format', 'json') as server:
        serve_hostile(server)
        events = finish(server, read_json)
        check_story(events)
        for _, fields in events:
            equal(fields['hostname'], 'mx.example.net', 'the hostname')
            check(fields['timestamp_ms'] > 1600000000000, 'the time')
        names = [fields['ehlo_as'] for name, fields in events if name == 'ehlo']
        equal(set(names), {'a\\"b', 'a=b', 'client.example'}, 'names')
        last = [fields for name, fields in events if name == 'message'][0]
        equal((last['code'], last['bytes']), (250, len(MESSAGE)), 'the message')


@test
def threads_do_not_mix():
    """--threads 2: lines stay whole"""
    with Server('--log-level', 'debug', '--threads', '2',
                queue='discard:') as server:
        for _ in range(20):
            wires = [Wire(server.port, greet=False) for _ in range(8)]
            for wire in wires:
                wire.send(b'EHLO client.example\r\nQUIT\r\n')
            for wire in wires:
                wire.expect('220 ')
                wire.expect('250')
                wire.expect('221 ')
                wire.socket.close()
        names = [name for name, _ in finish(server, read_text)]
        equal(names.count('ehlo'), 160, 'greetings')
        equal((names.count('stopping'), names.count('stopped')), (1, 1), 'ends')


def level(name, wanted):
    with Server('--log-level', name, '--max-errors', '2',
                queue='discard:') as server:
        with Wire(server.port) as wire:
            wire.greet().deliver()
            wire.ask('NONSENSE', '500 ')
            wire.ask('NONSENSE', '421 ')
            wire.expect_end()
        names = {event for event, _ in finish(server, read_text)}
        equal(sorted(names), sorted(wanted), 'events')


FEW = ['limit']
SOME = FEW + ['message', 'reject', 'stopping', 'stopped']
ALL = SOME + ['connect', 'ehlo', 'mail', 'rcpt', 'closed', 'listening']
for level_name, told in (('error', []), ('warning', FEW), ('info', SOME),
                         ('debug', ALL)):
    tap.case('--log-level ' + level_name, level, level_name, told)


@test
def tells_of_the_aborted():
    """a message that does not come to its end is told"""
    with Server(queue='discard:') as server:
        with Wire(server.port) as wire:
            wire.greet().open()
            wire.send(b'half a message\r\n')
            wire.reset()
        events = logged(server, read_text, 'aborted')
        fields = dict(events)['aborted']
        equal((fields['sender'], fields['reason']),
              ('sender@example.com', 'client'), 'what is told')
        finish(server, read_text)


@test
def tells_of_the_refused():
    """a connection too many is told"""
    with Server('--max-connections', '1', queue='discard:') as server:
        with Wire(server.port), Wire(server.port, greet=False) as second:
            second.expect('421 4.7.0 Too many connections')
            fields = dict(logged(server, read_text, 'refused'))['refused']
            check(fields['client'].startswith('127.0.0.1:'), fields)
        finish(server, read_text)


@test
def tells_of_a_shortage_once():
    """a lack of descriptors is told once"""
    with Server(queue='discard:') as server:
        pid = server.process.child.pid
        highest = max(map(int, os.listdir('/proc/%d/fd' % pid)))
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 3, hard))
        wires = [Wire(server.port, greet=False) for _ in range(10)]
        until(lambda: ' descriptors ' in server.process.errors(),
              'descriptors run out')
        for wire in wires:
            wire.socket.close()
        process = server.process
        server.stop()
        equal(process.errors().count(' descriptors connections='), 1, 'times')


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    tap.main()
