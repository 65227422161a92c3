"""AUTH EXTERNAL: the name in a client's certificate is who the client is."""

import base64
import contextlib
import os
import shutil
import smtplib
import subprocess

import tap
from secure_clients import CERTIFICATES, certificate, run, trusting
from server import PATIENCE, environment
from tap import check, equal


def key(name):
    return os.path.join(CERTIFICATES, name + '.key')


@contextlib.contextmanager
def serving():
    """The host and its port; it ends afterwards, without a complaint."""
    host = subprocess.Popen(
        [os.environ['EXTERNAL_HOST'], certificate('server'), key('server'),
         certificate('ca')], env=environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield host, int(host.stdout.readline())
        _, complaints = host.communicate(timeout=PATIENCE)
        equal((host.returncode, complaints), (0, ''), 'exit and complaints')
    finally:
        host.kill()
        host.wait()


@contextlib.contextmanager
def connected(port, name):
    """A client with that certificate, after TLS and EHLO."""
    context = trusting()
    if name is not None:
        context.load_cert_chain(certificate(name), key(name))
    with smtplib.SMTP('127.0.0.1', port, timeout=PATIENCE) as client:
        client.ehlo()
        check('auth' not in client.esmtp_features, 'offered in the clear')
        client.starttls(context=context)
        client.ehlo()
        yield client


def external(client, authzid=''):
    """The reply to AUTH with an initial response."""
    code, text = client.docmd(
        'AUTH', 'EXTERNAL ' + (base64.b64encode(authzid.encode()).decode()
                               or '='))
    return code, text.decode()


def proves(name, authcid):
    with serving() as (host, port), connected(port, name) as client:
        equal(client.esmtp_features['auth'].split(), ['EXTERNAL'], 'offered')
        equal(external(client), (235, '2.7.0 Authentication successful'),
              'AUTH')
        check(host.stdout.readline().endswith(
            ' mechanism=EXTERNAL authcid=%s authzid=%s\n'
            % (authcid, authcid)), 'the event')


tap.case('a mail address in the certificate is the name', proves, 'mailbox',
         'alice@example.com')
tap.case('without one the common name is', proves, 'client', 'client')


@tap.test
def authzid():
    """who may act as somebody else is the validator's to say"""
    with serving() as (host, port):
        with connected(port, 'mailbox') as client:
            equal(external(client, 'boss')[0], 535, 'as the boss')
            equal(external(client, 'team'), (235, '2.7.0 For the team'),
                  'for the team')
            check(host.stdout.readline().endswith(
                ' authcid=alice@example.com authzid=team\n'), 'the event')
        with connected(port, 'client') as client:
            equal(external(client, 'team')[0], 535, 'another for the team')
            # An empty challenge, and an empty answer to it.
            equal(client.docmd('AUTH', 'EXTERNAL'), (334, b''), 'asked')
            equal(client.docmd('client-is-no-base64!')[0], 501, 'nonsense')
            equal(client.docmd('AUTH', 'EXTERNAL')[0], 334, 'asked')
            equal(client.docmd('')[0], 235, 'as itself')


@tap.test
def nobody():
    """without a certificate that is verified and names somebody: 504"""
    with serving() as (_, port):
        for name in None, 'stranger', 'nameless':
            with connected(port, name) as client:
                check('auth' not in client.esmtp_features,
                      'offered to %s' % name)
                equal(external(client)[0], 504, 'AUTH')


@tap.test
def gsasl():
    """libgsasl's own client authenticates with its certificate"""
    if shutil.which('gsasl') is None:
        raise tap.Skip('gsasl is missing')
    with serving() as (host, port):
        status, text = run(
            ['gsasl', '--client', '--smtp', '--mechanism=EXTERNAL',
             '--authorization-id=', '--hostname=localhost', '--no-cb',
             '--x509-ca-file=', '--x509-cert-file=' + certificate('mailbox'),
             '--x509-key-file=' + key('mailbox'),
             '--connect=127.0.0.1:%d' % port], stdin=b'')
        check(status == 0 and '\n235 ' in text, text)
        check(' authcid=alice@example.com ' in host.stdout.readline(),
              'the event')


tap.main()
