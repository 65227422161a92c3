"""slimta-smtpd lets the users of a file in, with Python's smtplib and msmtp."""

import os
import shutil
import signal
import smtplib
import subprocess
import tempfile

import tap
from server import Server, make_user
from server import run as run_server
from tap import check, equal

FOLDER = tempfile.mkdtemp(prefix='slimta-users-')
USERS = os.path.join(FOLDER, 'users')
MECHANISMS = 'PLAIN,LOGIN,CRAM-MD5,SCRAM-SHA-256'


def write(text):
    with open(USERS, 'w', encoding='utf-8') as file:
        file.write(text)


def serve():
    return Server('--auth', MECHANISMS, '--users', USERS, '--require-auth',
                  '--allow-insecure-auth')


def log_in(server, name, password, mechanism='PLAIN'):
    """The code of AUTH."""
    with smtplib.SMTP('127.0.0.1', server.port, timeout=30) as client:
        client.ehlo()
        client.user, client.password = name, password
        method = 'auth_' + mechanism.lower().replace('-', '_')
        try:
            return client.auth(mechanism, getattr(client, method))[0]
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code


@tap.test
def each_mechanism():
    """PLAIN, LOGIN and CRAM-MD5 with smtplib, SCRAM-SHA-256 with msmtp"""
    write('tim:a:b \n' + make_user('ursel', 'sesame'))
    with serve() as server:
        for mechanism in 'PLAIN', 'LOGIN', 'CRAM-MD5':
            equal(log_in(server, 'tim', 'a:b ', mechanism), 235, mechanism)
            equal(log_in(server, 'tim', 'a:b', mechanism), 535, mechanism)
            equal(log_in(server, 'Tim', 'a:b ', mechanism), 535, mechanism)
            # Stored keys say nothing to CRAM-MD5.
            equal(log_in(server, 'ursel', 'sesame', mechanism),
                  535 if mechanism == 'CRAM-MD5' else 235, mechanism)
        if shutil.which('msmtp') is None:
            raise tap.Skip('msmtp is missing')
        for name, password, wanted in (('tim', "'a:b '", 0),
                                       ('ursel', 'sesame', 0),
                                       ('ursel', 'Sesame', 77),
                                       ('nobody', 'sesame', 77)):
            done = subprocess.run(
                ['msmtp', '--host=127.0.0.1', '--port=%d' % server.port,
                 '--auth=scram-sha-256', '--tls=off', '--user=' + name,
                 '--passwordeval=echo ' + password, '--from=a@example.com',
                 'b@example.org'], input=b'Subject: x\n\nx\n', timeout=60,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            equal(done.returncode, wanted, name + ': ' + repr(done.stdout))
        check('sesame' not in server.process.errors(), 'a password is logged')


@tap.test
def read_anew():
    """SIGHUP reads the users again; a bad file changes nothing"""
    write('tim:one\n')
    with serve() as server:
        equal(log_in(server, 'tim', 'one'), 235, 'AUTH')
        write('tim:two\n')
        server.signal(signal.SIGHUP)
        tap.until(lambda: log_in(server, 'tim', 'two') == 235, 'the new one')
        equal(log_in(server, 'tim', 'one'), 535, 'AUTH')
        write('nonsense\n')
        server.signal(signal.SIGHUP)
        tap.until(lambda: 'line 1: no colon; the old users stay'
                  in server.process.errors(), 'the complaint')
        equal(log_in(server, 'tim', 'two'), 235, 'AUTH')


@tap.test
def unusable():
    """a file that cannot be used is named, and no fault of the command line"""
    for text, flaw in (('tim:sesame\nnonsense\n', 'line 2: no colon'),
                       (':sesame\n', 'line 1: no name'),
                       ('tim:sesame\ntim:two\n', 'tim is there twice'),
                       ('tim:{SCRAM-SHA-256}x\n', 'malformed stored keys')):
        write(text)
        status, _, errors = run_server('--auth', 'PLAIN', '--users', USERS)
        equal(status, 1, flaw)
        check(USERS in errors and flaw in errors, errors)
        check('sesame' not in errors, 'a password is told')
    status, _, errors = run_server('--auth', 'PLAIN', '--users', FOLDER)
    equal((status, FOLDER in errors), (1, True), errors)


@tap.test
def no_certificate():
    """neither is a file that holds no certificate"""
    write('tim:sesame\n')
    status, _, errors = run_server('--tls-cert', USERS, '--tls-key', USERS)
    equal((status, USERS in errors), (1, True), errors)


@tap.at_end
def remove():
    """the users' file is removed"""
    shutil.rmtree(FOLDER)


tap.main()
