"""AUTH with real clients, in the clear and over TLS, and what is refused."""

import base64
import os
import re
import shutil
import socket
import subprocess
import tempfile

import tap
from secure_clients import (MAIL, RECIPIENT, SENDER, Delivery, certificate,
                            connect, curl, msmtp, pair, python_smtplib, run,
                            s_client, swaks)
from server import PATIENCE, PROGRAM, Server, environment
from server import run as run_server
from tap import check, equal, until
from tools import tool

ALL = 'PLAIN,LOGIN,CRAM-MD5,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-1-PLUS,' \
    'SCRAM-SHA-256-PLUS'
PASSWORD = 'correct horse: battery'

FOLDER = tempfile.mkdtemp(prefix='slimta-auth-')
USERS = os.path.join(FOLDER, 'users')


def stored(name, password):
    """The line of a user whose password is not in the file."""
    return subprocess.run([PROGRAM, '--make-user', name], env=environment(),
                          input=password.encode() + b'\n', check=True,
                          stdout=subprocess.PIPE).stdout.decode()


with open(USERS, 'w', encoding='utf-8') as file:
    file.write('alice:%s\n' % PASSWORD)
    file.write(stored('keys', PASSWORD))


def serve(*arguments, mechanisms=ALL):
    return Server('--auth', mechanisms, '--users', USERS, *arguments)


def speaks_1_3():
    """Whether the server's library has TLS 1.3."""
    with Server(*pair('server'), '--tls-immediately') as server:
        return 'New, TLSv1.3' in s_client(server)


class Wire:
    """A dialogue over a plain socket."""

    def __init__(self, server):
        self.socket = socket.create_connection(('127.0.0.1', server.port),
                                               PATIENCE)
        self.stream = self.socket.makefile('rb')
        self.reply()
        self.said = self.say('EHLO client.example')

    def reply(self):
        lines = []
        while True:
            line = self.stream.readline()
            lines.append(line.decode().rstrip('\r\n'))
            if line[3:4] != b'-':
                return '\n'.join(lines)

    def say(self, line):
        self.socket.sendall(line.encode() + b'\r\n')
        return self.reply()

    def is_closed(self):
        return self.stream.readline() == b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def deliver(client, mechanism, user, immediate):
    """Over TLS, with AUTH."""
    arguments = pair('server') + ['--require-auth']
    arguments += ['--tls-immediately'] if immediate else []
    if client is msmtp and mechanism.startswith('SCRAM') and speaks_1_3():
        mechanism += '-PLUS'  # it binds what it can bind, and nothing less
    with serve(*arguments) as server:
        client(server, Delivery(immediate, user, mechanism, PASSWORD),
               server.folder)
        message = server.maildir.take_one()
        message.check_trace(SENDER, [RECIPIENT], 'ESMTPSA', 'client.example')
        equal(message.content, MAIL, 'the stored message')
        until(lambda: re.search(
            r' auth session=\d+ mechanism=%s(-PLUS)? authcid=%s '
            % (mechanism.replace('-PLUS', ''), user), server.process.errors()), 'the event')
        check('battery' not in server.process.errors(), 'the password is told')


for _client, _mechanisms in (
        (curl, ['PLAIN', 'LOGIN', 'CRAM-MD5']),
        (swaks, ['PLAIN', 'LOGIN', 'CRAM-MD5']),
        (msmtp, ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1',
                 'SCRAM-SHA-256']),
        (python_smtplib, ['PLAIN', 'LOGIN', 'CRAM-MD5'])):
    for _number, _mechanism in enumerate(_mechanisms):
        _user = 'keys' if _mechanism == 'SCRAM-SHA-256' else 'alice'
        tap.case('%s authenticates with %s' % (_client.__name__, _mechanism),
                 deliver, _client, _mechanism, _user, _number % 2 == 1)


def gsasl(server, mechanism, user, password, *options):
    """The exit status and the words of libgsasl's own client."""
    return run([tool('gsasl', 'gsasl'), '--client', '--smtp', '--verbose',
                '--mechanism=' + mechanism, '--authentication-id=' + user,
                '--password=' + password,
                '--hostname=localhost', '--service=smtp', '--realm=',
                '--x509-ca-file=', '--connect=127.0.0.1:%d' % server.port,
                *options], stdin=b'')


def gsasl_case(mechanism, user, arguments, options):
    with serve(*arguments) as server:
        status, text = gsasl(server, mechanism, user, PASSWORD, *options)
        check('235' in text and status == 0, text)
        status, text = gsasl(server, mechanism, user, 'wrong', *options)
        check('535 5.7.8' in text and status != 0, text)
        status, text = gsasl(server, mechanism, 'nobody', PASSWORD, *options)
        check('535 5.7.8' in text and status != 0, text)


for _mechanism in 'PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256':
    tap.case("gsasl's client authenticates in the clear with " + _mechanism,
             gsasl_case, _mechanism, 'alice', ['--allow-insecure-auth'],
             [])
    tap.case("gsasl's client authenticates over STARTTLS with " + _mechanism,
             gsasl_case, _mechanism,
             'keys' if _mechanism == 'SCRAM-SHA-256' else 'alice',
             pair('server'), ['--no-cb'])


@tap.test
def plus():
    """the channel is bound where TLS is 1.3, and -PLUS offered nowhere else"""
    with serve(*pair('server')) as server, connect(server) as client:
        offered = client.esmtp_features['auth'].split()
        equal('SCRAM-SHA-256-PLUS' in offered, speaks_1_3(), 'offered')
    if speaks_1_3():
        gsasl_case('SCRAM-SHA-256-PLUS', 'keys', pair('server'), [])


@tap.test
def offers():
    """what is offered fits TLS: no password in the clear, unless it is told"""
    with serve(*pair('server')) as server:
        with Wire(server) as wire:
            check('AUTH CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256' in wire.said,
                  wire.said)
            check('PLAIN' not in wire.said and 'LOGIN' not in wire.said,
                  wire.said)
            equal(wire.say('AUTH PLAIN ' + encoded('\0alice\0' + PASSWORD))[:9],
                  '538 5.7.1', 'PLAIN in the clear')
        with connect(server) as client:
            offered = client.esmtp_features['auth'].split()
            check(offered[:2] == ['PLAIN', 'LOGIN'], offered)
    with serve('--allow-insecure-auth', mechanisms='plain') as server:
        with Wire(server) as wire:
            check('AUTH PLAIN' in wire.said, wire.said)
            equal(wire.say('AUTH CRAM-MD5')[:9], '504 5.5.4', 'CRAM-MD5')
            equal(wire.say('AUTH plain ' + encoded(
                '\0alice\0' + PASSWORD)), '235 2.7.0 Authentication successful',
                'PLAIN')
    with serve(mechanisms='PLAIN') as server, Wire(server) as wire:
        check('AUTH' not in wire.said, wire.said)


@tap.test
def require_auth():
    """--require-auth refuses MAIL before AUTH, and lets it pass after"""
    with serve('--require-auth', '--allow-insecure-auth') as server:
        with Wire(server) as wire:
            equal(wire.say('MAIL FROM:<a@example.com>'),
                  '550 5.7.1 Sender not allowed', 'before')
            wire.say('AUTH PLAIN ' + encoded('\0alice\0' + PASSWORD))
            for line, code in (('MAIL FROM:<a@example.com>', '250'),
                               ('AUTH PLAIN', '503'), ('RSET', '250'),
                               ('EHLO again.example', '250'),
                               ('MAIL FROM:<a@example.com>', '250'),
                               ('QUIT', '221')):
                equal(wire.say(line)[:3], code, line)


@tap.test
def another_authzid():
    """nobody may act as somebody else"""
    with serve('--allow-insecure-auth') as server, Wire(server) as wire:
        secret = '\0alice\0' + PASSWORD
        equal(wire.say('AUTH PLAIN ' + encoded('keys' + secret))[:9],
              '535 5.7.8', 'as another')
        equal(wire.say('AUTH PLAIN ' + encoded('alice' + secret))[:3], '235',
              'as oneself')


@tap.test
def too_many_failures():
    """a failed AUTH is an error, and the last one ends the session"""
    with serve('--allow-insecure-auth', '--max-errors', '3') as server:
        with Wire(server) as wire:
            for wrong in ('\0alice\0wrong', '\0nobody\0' + PASSWORD):
                equal(wire.say('AUTH PLAIN ' + encoded(wrong)),
                      '535 5.7.8 Authentication credentials invalid', wrong)
            equal(wire.say('AUTH PLAIN ' + encoded('\0keys\0wrong')),
                  '421 4.7.0 Too many errors', 'the third')
            check(wire.is_closed(), 'it stays open')
        until(lambda: server.process.errors().count('auth_failed') == 3,
              'the events')
        check('wrong' not in server.process.errors().replace(
            'wrong password', ''), 'what was shown is told')


@tap.test
def dialogue():
    """an exchange: challenges, a cancelled one, bad base64, a line too long"""
    with serve('--allow-insecure-auth') as server, Wire(server) as wire:
        for line, wanted in (
                ('AUTH LOGIN', '334 VXNlcm5hbWU6'),
                (encoded('alice'), '334 UGFzc3dvcmQ6'),
                ('*', '501 5.'),
                ('AUTH LOGIN', '334 VXNlcm5hbWU6'), ('no base64!', '501 5.5.2'),
                ('AUTH PLAIN =', '535 5.7.8'), ('AUTH', '501 5.5.4'),
                ('AUTH PLAIN', '334 '), ('A' * 12289, '500 5.5.6'),
                ('AUTH DIGEST-MD5', '504 5.5.4'),
                ('AUTH CRAM-MD5 abcd', '501 5.'),
                ('AUTH LOGIN ' + encoded('alice'), '334 UGFzc3dvcmQ6'),
                (encoded(PASSWORD), '235 2.7.0'), ('NOOP', '250')):
            got = wire.say(line)
            equal(got[:len(wanted)], wanted, 'the reply to ' + line[:30])


@tap.test
def usage():
    """flags that need each other say so, and a missing file is named"""
    for arguments, words in (
            (['--auth', 'PLAIN'], '--auth needs --users'),
            (['--require-auth'], '--require-auth needs --auth'),
            (['--auth', 'NTLM', '--users', USERS], "'NTLM' is no mechanism"),
            (['--tls-immediately'], '--tls-immediately needs'),
            (['--tls-cert', certificate('server')], 'come in pairs')):
        status, _, errors = run_server(*arguments)
        equal((status, words in errors), (2, True), errors)
    for arguments, words in (
            (['--auth', 'PLAIN', '--users', '/nowhere'], '/nowhere'),
            (['--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.key'],
             '/nowhere.pem')):
        status, _, errors = run_server(*arguments)
        equal((status, words in errors), (1, True), errors)


@tap.at_end
def tidy():
    """the users file goes"""
    shutil.rmtree(FOLDER)


tap.main()
