"""Real clients that speak TLS and AUTH, and how each is told to."""

import os
import smtplib
import ssl
import subprocess

from server import PATIENCE
from tap import Failure, equal
from tools import HEAD, tool

CERTIFICATES = os.environ['CERTIFICATES']
NAME = 'mx.example.com'  # that server.pem and rsa.pem are for
OTHER = 'other.example.org'  # that second.pem is for

SENDER = 'sender@example.com'
RECIPIENT = 'rcpt@example.net'
MAIL = HEAD + b'\r\nHello.\r\n.\r\n..two\r\n' + b'x' * 70000 + b'\r\n'

def certificate(name):
    return os.path.join(CERTIFICATES, name + '.pem')


def pair(name):
    return ['--tls-cert', certificate(name),
            '--tls-key', os.path.join(CERTIFICATES, name + '.key')]


def run(command, stdin=None, env=None):
    """Status and output."""
    done = subprocess.run(command, input=stdin, env=env, timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def run_well(command, **how):
    status, text = run(command, **how)
    if status != 0:
        raise Failure('%s ended with %d: %s' % (
            command[0], status, text[-2000:]))
    return text


def s_client(server, *options, say=b'QUIT\r\n', starttls=False):
    """What openssl's client prints."""
    how = ['-starttls', 'smtp'] if starttls else []
    status, text = run([tool('openssl', 'openssl'), 's_client', '-connect',
                        '127.0.0.1:%d' % server.port, '-CAfile',
                        certificate('ca'), '-ign_eof'] + how + list(options),
                       stdin=say)
    return text


class Delivery:
    """A client, how it comes in, and who it says it is."""

    def __init__(self, immediate=False, user=None, mechanism=None,
                 password=None):
        self.immediate = immediate
        self.user = user
        self.mechanism = mechanism
        self.password = password


def curl(server, how, directory):
    path = os.path.join(directory, 'mail.eml')
    with open(path, 'wb') as file:
        file.write(MAIL)
    command = [tool('curl', 'curl'), '--silent', '--show-error', '--noproxy',
               '*', '--ssl-reqd', '--cacert', certificate('ca'), '--resolve',
               '%s:%d:127.0.0.1' % (NAME, server.port), '--mail-from', SENDER,
               '--mail-rcpt', RECIPIENT, '--upload-file', path]
    if how.user:
        command += ['--user', '%s:%s' % (how.user, how.password),
                    '--login-options', 'AUTH=' + how.mechanism]
    run_well(command + ['%s://%s:%d/client.example' % (
        'smtps' if how.immediate else 'smtp', NAME, server.port)])


def swaks(server, how, directory):
    path = os.path.join(directory, 'mail.txt')
    with open(path, 'wb') as file:
        file.write(MAIL.replace(b'\r\n.', b'\r\n..') + b'.')
    command = [tool('swaks', 'swaks'), '--silent', '--server', '127.0.0.1',
               '--port', str(server.port), '--helo', 'client.example', '--from',
               SENDER, '--to', RECIPIENT, '--no-data-fixup', '--data',
               '@' + path, '--tls-on-connect' if how.immediate else '--tls']
    if how.user:
        command += ['--auth', how.mechanism, '--auth-user', how.user,
                    '--auth-password', how.password]
    run_well(command)


def msmtp(server, how, directory):
    path = os.path.join(directory, 'msmtprc')
    with open(path, 'w') as file:
        file.write('account default\nhost 127.0.0.1\nport %d\nfrom %s\n'
                   'domain client.example\ntls on\ntls_starttls %s\n'
                   'tls_trust_file %s\ntls_host_override %s\n' % (
                       server.port, SENDER, 'off' if how.immediate else 'on',
                       certificate('ca'), NAME))
        file.write('set_date_header off\nset_msgid_header off\n'
                   'set_from_header off\n')
        if how.user:
            file.write('auth %s\nuser %s\npassword "%s"\n' % (
                how.mechanism.lower(), how.user, how.password))
    os.chmod(path, 0o600)
    run_well([tool('msmtp', 'msmtp'), '--file=' + path, '--', RECIPIENT],
             stdin=MAIL.replace(b'\r\n', b'\n'))


def trusting():
    context = ssl.create_default_context(cafile=certificate('ca'))
    context.check_hostname = False
    return context


def connect(server, immediate=False, context=None):
    """smtplib's client, after TLS and EHLO."""
    context = context or trusting()
    if immediate:
        client = smtplib.SMTP_SSL('127.0.0.1', server.port, timeout=PATIENCE,
                                  local_hostname='client.example',
                                  context=context)
    else:
        client = smtplib.SMTP('127.0.0.1', server.port, timeout=PATIENCE,
                              local_hostname='client.example')
        client.ehlo()
        client.starttls(context=context)
    client.ehlo()
    return client


def python_smtplib(server, how, directory):
    with connect(server, how.immediate) as client:
        if how.user:
            client.user, client.password = how.user, how.password
            method = 'auth_' + how.mechanism.lower().replace('-', '_')
            equal(client.auth(how.mechanism, getattr(client, method))[0], 235,
                  'the reply to AUTH')
        equal(client.sendmail(SENDER, [RECIPIENT], MAIL), {}, 'refused')


CLIENTS = [curl, swaks, msmtp, python_smtplib]
