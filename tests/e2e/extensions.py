"""Extensions and LMTP of the demo: real clients, and what the maildir keeps."""

import smtplib
import subprocess
import tempfile

import tap
from server import PATIENCE, Server, run
from tap import check, equal, test
from tools import HEAD, tool
from wire import Wire

CONTENT = HEAD + b'\r\nHello.\r\n'
RECIPIENTS = ['first@example.net', 'second@example.org']


def lmtp_server(folder):
    return Server('--lmtp', listen=['unix:' + folder + '/lmtp'])


@test
def lmtp_library():
    """Python's LMTP client delivers through a UNIX socket"""
    with tempfile.TemporaryDirectory(prefix='slimta-e2e-') as folder:
        with lmtp_server(folder) as server:
            client = smtplib.LMTP(folder + '/lmtp',
                                  local_hostname='client.example')
            equal(client.sendmail('a@example.com', RECIPIENTS, CONTENT), {},
                  'the refused ones')
            client.quit()
            stored = server.maildir.take_one()
            equal(stored.content, CONTENT, 'the content')
            stored.check_trace('a@example.com', RECIPIENTS, 'LMTP',
                               'client.example')


@test
def lmtp_swaks():
    """swaks delivers over LMTP"""
    with tempfile.TemporaryDirectory(prefix='slimta-e2e-') as folder:
        with lmtp_server(folder) as server:
            done = subprocess.run(
                [tool('swaks', 'swaks'), '--protocol', 'LMTP', '--socket',
                 folder + '/lmtp', '--helo', 'swaks.example', '--from',
                 'a@example.com', '--to', 'b@example.net', '--body', 'Hello'],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=PATIENCE)
            equal(done.returncode, 0, done.stdout.decode('utf-8', 'replace'))
            server.maildir.take_one().check_trace(
                'a@example.com', ['b@example.net'], 'LMTP', 'swaks.example')


@test
def lmtp_port():
    """LMTP on port 25 is refused with a clear line"""
    status, _, errors = run('--lmtp', '--listen', '127.0.0.1:25', '--queue',
                            'discard:')
    equal(status, 2, 'the exit')
    check('port 25' in errors and 'LMTP' in errors, errors)


@test
def lmtp_replies():
    """each recipient gets a reply, the one that comes twice two"""
    with Server('--lmtp') as server, Wire(server.port) as wire:
        wire.ask('EHLO client.example', '500 ')
        wire.ask('LHLO client.example', '250-')
        wire.ask('MAIL FROM:<a@example.com>', '250 ')
        for _ in range(3):
            wire.ask('RCPT TO:<b@example.net>', '250 ')
        wire.ask('DATA', '354 ')
        wire.send(b'x\r\n.\r\n')
        first = wire.expect('250 ')
        equal([wire.expect('250 ') for _ in range(2)], [first] * 2,
              'the other replies')
        wire.ask('QUIT', '221 ')
        server.maildir.take_one()


def swaks_xclient(server, *more):
    done = subprocess.run(
        [tool('swaks', 'swaks'), '--server', '127.0.0.1', '--port',
         str(server.port), '--helo', 'proxy.example', '--from',
         'a@example.com', '--to', 'b@example.net', '--body', 'Hello', *more],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


XCLIENT = ['--xclient-addr', '192.0.2.7', '--xclient-name', 'far.example',
           '--xclient-helo', 'helo.example']


@test
def xclient():
    """swaks --xclient: a listed peer speaks for another client"""
    with Server('--xclient-from', '192.0.2.0/24,127.0.0.1') as server:
        status, said = swaks_xclient(server, *XCLIENT)
        equal(status, 0, said)
        received = server.maildir.take_one().received
        # swaks greets anew after it, as itself.
        check(received.startswith('from proxy.example (far.example '
                                  '[192.0.2.7])'), received)


@test
def xclient_of_nobody():
    """swaks --xclient: to all others it is not offered, nor obeyed"""
    with Server('--xclient-from', '192.0.2.0/24,unix') as server:
        status, said = swaks_xclient(server, *XCLIENT, '--xclient-optional')
        equal(status, 0, said)
        check('Host did not advertise XCLIENT' in said, said)
        received = server.maildir.take_one().received
        check('192.0.2.7' not in received and '[127.0.0.1]' in received,
              received)
        with Wire(server.port) as wire:
            wire.greet()
            wire.ask('XCLIENT ADDR=192.0.2.7', '5')


@test
def wishes():
    """what the sender asks for is kept above the trace"""
    with Server() as server:
        client = smtplib.SMTP('127.0.0.1', server.port,
                              local_hostname='client.example')
        client.ehlo()
        equal(client.mail('a@example.com',
                          ['RET=HDRS', 'ENVID=x+2By', 'MT-PRIORITY=-3'])[0],
              250, 'MAIL')
        equal(client.rcpt('b@example.net',
                          ['NOTIFY=DELAY', 'ORCPT=rfc822;c@example.net'])[0],
              250, 'RCPT')
        equal(client.data(CONTENT)[0], 250, 'DATA')
        client.quit()
        stored = server.maildir.take_one()
        equal(stored.wishes,
              ['Mail: RET=HDRS ENVID=x+2By MT-PRIORITY=-3',
               'Rcpt: <b@example.net> NOTIFY=DELAY ORCPT=rfc822;c@example.net'],
              'what was asked')
        equal(stored.content, CONTENT, 'the content')


@test
def chunks():
    """binary chunks are stored bit for bit"""
    octets = b'A: b\n\r\x00.\r\n' + bytes(range(256)) * 1000
    with Server() as server, Wire(server.port) as wire:
        wire.ask('EHLO client.example', '250-')
        wire.ask('MAIL FROM:<a@example.com> BODY=BINARYMIME', '250 ')
        wire.ask('RCPT TO:<b@example.net>', '250 ')
        for at in range(0, len(octets), 60001):
            piece = octets[at:at + 60001]
            wire.send(b'BDAT %d\r\n' % len(piece) + piece)
        wire.send(b'BDAT 0 LAST\r\n')
        for _ in range(0, len(octets), 60001):
            equal(wire.expect('250 '), '250 2.0.0 Chunk received', 'a chunk')
        wire.expect('250 2.6.0')
        wire.ask('QUIT', '221 ')
        stored = server.maildir.take_one()
        check(stored.content == octets, 'the octets are others')
        equal(stored.wishes, ['Mail: BODY=BINARYMIME'], 'what was asked')


tap.main()
