"""The server as a service: listeners, options, time limits, signals."""

import os
import re
import select
import signal
import socket
import sys
import tempfile

import tap
from server import Server, run
from tap import Skip, check, equal, test, until
from wire import MESSAGE, Wire

FLAGS = ['--listen', '--hostname', '--queue', '--max-size',
         '--max-recipients', '--max-connections', '--max-connections-per-ip',
         '--max-errors',
         '--command-timeout', '--data-timeout', '--drain-timeout',
         '--threads', '--log-level', '--log-format', '--help', '--version']


def drip(wire, octets):
    """Sends octets one at a time, at a pace, until the server says something.
    """
    for octet in octets:
        try:
            wire.send(bytes([octet]))
        except (BrokenPipeError, ConnectionResetError):
            return
        if select.select([wire.socket], [], [], 0.1)[0]:
            return
    raise tap.Failure('it takes octets for ever')


def refuses_connections(port):
    try:
        socket.create_connection(('127.0.0.1', port), 5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


# Time limits


@test
def command_timeout():
    """--command-timeout: single octets do not extend it"""
    with Server('--command-timeout', '1') as server:
        with Wire(server.port) as wire:
            drip(wire, b'NOOP ' + b'x' * 300)
            wire.expect('421 4.4.2 Connection timed out')
            wire.expect_end()
        with Wire(server.port) as wire:
            wire.greet()
            wire.ask('MAIL FROM:<a@example.com>', '250 2.1.0')
            wire.expect('421 4.4.2 Connection timed out')
            wire.expect_end()


@test
def command_timeout_begins_anew():
    """--command-timeout: a whole command extends it"""
    with Server('--command-timeout', '2') as server:
        with Wire(server.port) as wire:
            wire.greet()
            for _ in range(30):
                wire.ask('NOOP', '250 2.0.0')
                select.select([wire.socket], [], [], 0.1)
            wire.quit()


@test
def data_timeout():
    """--data-timeout: lines that drip in do not extend it"""
    with Server('--data-timeout', '1') as server:
        with Wire(server.port) as wire:
            wire.greet().open()
            drip(wire, b'x\r\n' * 100)
            wire.expect('421 4.4.2 Connection timed out')
            wire.expect_end()
        equal(server.maildir.take(), [], 'messages')


@test
def command_timeout_is_not_for_data():
    """--command-timeout does not end a message that arrives"""
    with Server('--command-timeout', '1') as server:
        with Wire(server.port) as wire:
            wire.greet().open()
            for octet in b'Subject: slow\r\n':
                wire.send(bytes([octet]))
                select.select([wire.socket], [], [], 0.15)
            wire.send(b'.\r\n')
            wire.expect('250 2.6.0')
            wire.expect('421 4.4.2')
            wire.expect_end()
        server.maildir.take_one()


# Signals


def stop_by(number):
    with Server() as server:
        with Wire(server.port) as fresh, Wire(server.port) as greeted:
            greeted.greet()
            server.signal(number)
            for wire in fresh, greeted:
                wire.expect('421 4.3.2 ')
                wire.expect_end()
        server.wait_for_end()


for signal_number in signal.SIGTERM, signal.SIGINT:
    tap.case('%s tells idle sessions 421 4.3.2' % signal_number.name, stop_by,
             signal_number)


@test
def drain():
    """SIGTERM lets what is in flight finish, then 421 4.3.2"""
    with Server('--drain-timeout', '60') as server:
        with Wire(server.port) as idle, Wire(server.port) as early, \
                Wire(server.port) as late:
            early.greet().ask('MAIL FROM:<early@example.com>', '250')
            late.greet().open(sender='late@example.com')
            late.send(MESSAGE)
            server.signal()
            # The idle one's reply tells that the server knows.
            idle.expect('421 4.3.2 ')
            idle.expect_end()
            until(lambda: refuses_connections(server.port),
                  'new connections are refused')
            late.send(b'.\r\n')
            late.expect('250 2.6.0 Message queued as ')
            late.expect('421 4.3.2 ')
            late.expect_end()
            early.ask('RCPT TO:<b@example.net>', '250 2.1.5')
            early.ask('DATA', '354 ')
            early.send(MESSAGE + b'.\r\n')
            early.expect('250 2.6.0 ')
            early.expect('421 4.3.2 ')
            early.expect_end()
        equal(sorted(m.return_path for m in server.maildir.take()),
              ['<early@example.com>', '<late@example.com>'], 'the messages')
        server.wait_for_end()


@test
def drain_refused():
    """SIGTERM: a transaction that is reset gets 421 4.3.2"""
    with Server('--drain-timeout', '60') as server:
        with Wire(server.port) as idle, Wire(server.port) as wire:
            wire.greet().ask('MAIL FROM:<a@example.com>', '250')
            server.signal()
            idle.expect('421 4.3.2 ')
            wire.ask('RSET', '250 2.0.0')
            wire.expect('421 4.3.2 ')
            wire.expect_end()
        server.wait_for_end()


@test
def drain_deadline():
    """--drain-timeout: who does not finish is cut off, and the exit is 0"""
    with Server('--drain-timeout', '1') as server:
        with Wire(server.port) as wire:
            wire.greet().open()
            wire.send(MESSAGE)
            server.signal()
            server.wait_for_end()
            reply = wire.reply()
            check(reply is None or reply.startswith('421 '),
                  'not %r' % reply)
        equal(server.maildir.take(), [], 'messages')


@test
def second_signal():
    """a second SIGTERM changes nothing for the exit"""
    with Server('--drain-timeout', '1') as server:
        with Wire(server.port) as idle, Wire(server.port) as wire:
            wire.greet().open()
            server.signal()
            idle.expect('421 ')
            server.signal()
            server.wait_for_end()


# Options


def bad_options(arguments):
    # Harmless, should it start after all.
    status, out, errors = run('--queue', 'discard:', '--listen',
                              '127.0.0.1:0', *arguments)
    equal(status, 2, 'the exit')
    equal(out, '', 'the output')
    equal(len(errors.split('\n')), 1, 'lines: ' + errors)
    option, value = arguments[0].lstrip('-'), arguments[-1]
    check(option in errors or value in errors,
          'neither %r nor %r is named: %s' % (option, value, errors))


for bad in [['--what'], ['--listen', 'nonsense'], ['--listen', '1.2.3.4'],
            ['--listen', '127.0.0.1:65536'], ['--listen', '127.0.0.1:x'],
            ['--listen', 'fd:x'], ['--queue', 'nonsense'],
            ['--queue', 'what:ever'], ['--queue', 'maildir:x?y=z'],
            ['--queue', 'smtp://'], ['--queue', 'smtp://h:1/x'],
            ['--queue', 'lmtp:h:1'], ['--queue', 'lmtp:unix:'],
            ['--queue', 'smtps://h?x'], ['--queue', 'http://'],
            ['--max-size', 'x'], ['--max-size', '-1'], ['--max-size', '1k'],
            ['--max-recipients', ''], ['--max-connections', '1e3'],
            ['--max-connections-per-ip', '0'],
            ['--max-connections-per-ip', 'many'],
            ['--max-errors', 'x'], ['--command-timeout', '-5'],
            ['--data-timeout', 'soon'], ['--drain-timeout', ' 1'],
            ['--threads', '99999'], ['--log-level', 'loud'],
            ['--log-format', 'xml'], ['--hostname', 'a b'],
            ['--xclient-from', '10.0.0.1/8'], ['--xclient-from', 'here'],
            ['--max-size', '99999999999999999999'], ['extra'], ['--listen']]:
    tap.case('exit 2: ' + ' '.join(repr(word) for word in bad), bad_options,
             bad)


@test
def help_text():
    """--help lists every flag"""
    status, out, errors = run('--help')
    equal((status, errors), (0, ''), 'exit and errors')
    for flag in FLAGS:
        check(re.search(r'(^|\s)%s\b' % flag, out, re.M), 'no ' + flag)


@test
def version():
    """--version prints one line with the version"""
    status, out, errors = run('--version')
    equal((status, errors), (0, ''), 'exit and errors')
    check(re.fullmatch(r'slimta-smtpd \d+\.\d+\.\d+\n', out), out)


# Listeners


@test
def port_in_use():
    """a second server on the same port exits 1 and says which"""
    with Server() as server:
        where = '127.0.0.1:%d' % server.port
        for threads in '1', '2':
            status, _, errors = run('--listen', where, '--queue', 'discard:',
                                    '--threads', threads)
            equal(status, 1, 'the exit')
            check(where in errors and 'in use' in errors.lower(), errors)
            check('listening' not in errors, errors)
        with Wire(server.port) as wire:
            wire.greet().deliver()
        server.maildir.take_one()


@test
def one_fails():
    """if one listener fails, none serves"""
    with Server() as server:
        where = '127.0.0.1:%d' % server.port
        status, _, errors = run('--listen', '127.0.0.1:0', '--listen', where,
                                '--queue', 'discard:')
        equal(status, 1, 'the exit')
        check('listening' not in errors, errors)


@test
def unusable_directory():
    """a maildir that cannot be made exits 1 and says which"""
    with tempfile.NamedTemporaryFile() as file:
        path = file.name + '/mail'
        status, _, errors = run('--listen', '127.0.0.1:0', '--queue',
                                'maildir:' + path)
        equal(status, 1, 'the exit')
        check(path in errors, errors)


@test
def unix_socket():
    """a dead socket file is replaced, a live one is in use"""
    with tempfile.TemporaryDirectory(prefix='slimta-e2e-') as folder:
        path = folder + '/smtp.sock'
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        with Server(listen=['unix:' + path]) as server:
            equal(server.addresses, ['unix:' + path], 'the address')
            status, _, errors = run('--listen', 'unix:' + path, '--queue',
                                    'discard:')
            equal(status, 1, 'the exit of the second')
            check(path in errors, errors)
            with Wire(path) as wire:
                wire.greet().deliver()
                wire.quit()
            server.maildir.take_one()
        check(not os.path.exists(path), 'the file is still there')


@test
def unix_no_socket():
    """a file that is no socket is not touched"""
    with tempfile.NamedTemporaryFile() as file:
        status, _, errors = run('--listen', 'unix:' + file.name, '--queue',
                                'discard:')
        equal(status, 1, 'the exit')
        check(file.name in errors, errors)
        check(os.path.exists(file.name), 'the file is gone')


def listening_socket():
    result = socket.socket()
    result.bind(('127.0.0.1', 0))
    result.listen(10)
    return result


def deliver_over_inherited(**how):
    listener = how.pop('listener')
    address = '127.0.0.1:%d' % listener.getsockname()[1]
    with Server(**how) as server:
        listener.close()
        equal(server.addresses, [address], 'the address')
        with Wire(server.port) as wire:
            wire.greet().deliver()
            wire.quit()
        server.maildir.take_one()


@test
def inherited():
    """--listen fd:N serves a socket that was inherited"""
    listener = listening_socket()
    deliver_over_inherited(
        listener=listener, listen=['fd:%d' % listener.fileno()],
        pass_fds=[listener.fileno()])


# Becomes the program in the way of systemd: sockets from 3 on, and its own id.
AS_SYSTEMD = '''
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')
os.execvp(sys.argv[2], sys.argv[2:])
'''


@test
def systemd():
    """--listen systemd serves what systemd hands over"""
    listener = listening_socket()
    deliver_over_inherited(
        listener=listener, listen=['systemd'], pass_fds=[listener.fileno()],
        prefix=[sys.executable, '-c', AS_SYSTEMD, str(listener.fileno())])


@test
def systemd_for_another():
    """LISTEN_FDS that was meant for another process is not taken"""
    status, _, errors = run('--listen', 'systemd', '--queue', 'discard:',
                            env={'LISTEN_PID': '1', 'LISTEN_FDS': '1'})
    equal(status, 1, 'the exit')
    check('systemd' in errors or 'LISTEN' in errors, errors)


@test
def bad_descriptor():
    """a descriptor that is no listening socket is said"""
    with open(os.devnull) as file:
        status, _, errors = run(
            '--listen', 'fd:%d' % file.fileno(), '--queue', 'discard:',
            pass_fds=[file.fileno()])
        # A bad value, or something that is missing.
        check(status in (1, 2), 'the exit: %d' % status)
        check(re.search(r'\b%d\b' % file.fileno(), errors), errors)


@test
def two_threads():
    """--threads 2 serves, and stops"""
    with Server('--threads', '2') as server:
        for _ in range(20):
            with Wire(server.port) as wire:
                wire.greet().deliver()
                wire.quit()
        equal(len(server.maildir.take()), 20, 'messages')


@test
def discard():
    """--queue discard: names an id"""
    with Server(queue='discard:') as server:
        with Wire(server.port) as wire:
            check(wire.greet().deliver() != '', 'the id')
            wire.quit()


@test
def ipv6():
    """--listen [::1]:0 says the address with its brackets"""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
    except OSError:
        raise Skip('this machine has no IPv6')
    with Server(listen=['[::1]:0']) as server:
        check(re.fullmatch(r'\[::1\]:\d+', server.addresses[0]),
              server.addresses[0])
        with Wire(('::1', server.port)) as wire:
            wire.greet().deliver()
        check('[IPv6:::1]' in server.maildir.take_one().received,
              'the address in Received')


# Connections of one address


def turned_away(where, **how):
    with Wire(where, greet=False, **how) as wire:
        wire.expect('421 4.7.0 Too many connections')
        wire.expect_end()


def served(where):
    """A connection that has a place, tried until there is one: the server may
    not have seen yet that another one went."""
    wires = []

    def try_it():
        wires.append(Wire(where, greet=False))
        if wires[-1].reply().startswith('220 '):
            return True
        wires.pop().socket.close()
        return False
    until(try_it, 'a place')
    return wires[0]


def connections_per_ip(threads):
    with Server('--max-connections-per-ip', '2', '--threads', threads,
                listen=['0.0.0.0:0', 'unix:{folder}/socket']) as server:
        path = server.addresses[1].split(':', 1)[1]
        with Wire(server.port) as one, Wire(server.port) as two:
            for _ in range(3):
                turned_away(server.port)
            # Another address is counted by itself.
            with Wire(server.port, source='127.0.0.2') as other, \
                    Wire(server.port, source='127.0.0.2'):
                turned_away(server.port, source='127.0.0.2')
                other.greet().deliver()
            # A UNIX socket has none.
            with Wire(path), Wire(path), Wire(path) as third:
                third.greet().deliver()
            for wire in one, two:
                wire.greet().deliver()
            # A place is free as soon as a connection ends.
            one.quit()
            with served(server.port):
                turned_away(server.port)
                two.reset()
                with served(server.port):
                    turned_away(server.port)
        equal(len(server.maildir.take()), 4, 'messages')


for number in '1', '2':
    tap.case('--max-connections-per-ip, %s threads' % number,
             connections_per_ip, number)


@test
def connections_per_ip_and_in_all():
    """--max-connections counts all addresses together"""
    with Server('--max-connections', '2', '--max-connections-per-ip', '2',
                listen=['0.0.0.0:0']) as server:
        with Wire(server.port), Wire(server.port, source='127.0.0.2'):
            turned_away(server.port)
            turned_away(server.port, source='127.0.0.2')


@test
def few_descriptors():
    """a low descriptor limit is said, and what fits is served"""
    prefix = ['/bin/sh', '-c', 'ulimit -n 64; exec "$0" "$@"']
    with Server('--max-connections', '1000', prefix=prefix) as server:
        with Wire(server.port) as wire:
            wire.greet().deliver()
            wire.quit()
        check('descriptor' in server.process.errors(),
              server.process.errors())
        wires = []
        # More than can be: each is served, refused, or waits for a place.
        for _ in range(100):
            wires.append(Wire(server.port, greet=False))
        wires[0].expect('220 ')
        for wire in wires:
            wire.socket.close()

        def serves():
            with Wire(server.port, greet=False) as wire:
                return wire.reply().startswith('220 ')
        until(serves, 'there are descriptors again')


if __name__ == '__main__':
    tap.main()
