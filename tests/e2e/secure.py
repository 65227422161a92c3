"""TLS with real clients: STARTTLS, TLS at once, and what is refused."""

import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess

import tap
from secure_clients import (CERTIFICATES, CLIENTS, MAIL, NAME, OTHER, RECIPIENT,
                            SENDER, Delivery, connect, pair, s_client, trusting)
from server import PATIENCE, Server
from tap import check, equal, until
from tools import tool


def deliver(client, how):
    arguments = pair('server')
    if how.immediate:
        arguments += ['--tls-immediately']
    with Server(*arguments) as server:
        client(server, how, server.folder)
        message = server.maildir.take_one()
        message.check_trace(SENDER, [RECIPIENT],
                            'ESMTPS', 'client.example')
        check(re.search(r' tls TLS_\w+ \(TLSv1\.[23]\);', message.received),
              'no tls clause: ' + message.received)
        equal(message.content, MAIL, 'the stored message')


for _client in CLIENTS:
    for _immediate in False, True:
        tap.case('%s delivers over %s' % (
            _client.__name__, 'TLS at once' if _immediate else 'STARTTLS'),
            deliver, _client, Delivery(_immediate))


@tap.test
def resumption():
    """openssl resumes its session, also at another thread of the server"""
    with Server(*pair('server'), '--tls-immediately', '--threads', '2') as s:
        kept = os.path.join(s.folder, 'session.pem')
        first = s_client(s, '-sess_out', kept, '-no_tls1_3')
        check('\nNew, TLSv1.2' in first, first)
        for _ in range(6):
            again = s_client(s, '-sess_in', kept, '-no_tls1_3')
            check('\nReused, TLSv1.2' in again, again)


@tap.test
def names():
    """the certificate is chosen by the name that the client asks for"""
    with Server(*pair('server'), *pair('second'), '--tls-immediately') as s:
        for asked, subject in ((OTHER, OTHER), (NAME, 'not-a-name.example.com'),
                               ('a.mail.example.com', 'not-a-name.example.com'),
                               ('unknown.example', 'not-a-name.example.com')):
            text = s_client(s, '-servername', asked)
            check('subject=CN = %s\n' % subject in text
                  or 'subject=CN=%s\n' % subject in text, text)


@tap.test
def old_versions():
    """TLS below 1.2 is refused, whatever the client would take"""
    with Server(*pair('rsa'), '--tls-immediately') as server:
        for version in '-tls1', '-tls1_1':
            text = s_client(server, version, '-cipher', 'DEFAULT@SECLEVEL=0')
            check('Cipher is (NONE)' in text, text)
            check('alert protocol version' in text, text)
        check('TLSv1.2, Cipher is ECDHE-RSA' in s_client(server, '-tls1_2'),
              'TLS 1.2 does not work')
        until(lambda: server.process.errors().count('tls_failed') == 2,
              'the events')


@tap.test
def no_forward_secrecy():
    """suites without an ephemeral key exchange or an AEAD are refused"""
    with Server(*pair('rsa'), '--tls-immediately') as server:
        for suites in 'AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA':
            text = s_client(server, '-tls1_2', '-cipher',
                            suites + ':@SECLEVEL=0')
            check('Cipher is (NONE)' in text, text)


@tap.test
def no_renegotiation():
    """a client that wants to renegotiate is refused"""
    with Server(*pair('server'), '--tls-immediately') as server:
        child = subprocess.Popen(
            [tool('openssl', 'openssl'), 's_client', '-connect',
             '127.0.0.1:%d' % server.port, '-tls1_2'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = ''
        while '220 ' not in text:  # else the banner comes in between
            text += child.stdout.readline().decode()
        # "R" alone on a line has openssl renegotiate; refused, it ends.
        child.stdin.write(b'R\n')
        child.stdin.flush()
        text += child.stdout.read().decode()
        child.wait()
        check('no renegotiation' in text, text)


@tap.test
def clear_text_behind_starttls():
    """what came in the clear behind STARTTLS is thrown away and told"""
    with Server(*pair('server')) as server:
        with socket.create_connection(('127.0.0.1', server.port),
                                      PATIENCE) as raw:
            stream = raw.makefile('rwb')
            stream.readline()
            stream.write(b'EHLO a\r\n')
            stream.flush()
            while stream.readline()[3:4] == b'-':
                pass
            stream.write(b'STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n')
            stream.flush()
            equal(stream.readline(), b'220 2.7.0 Go ahead\r\n', 'the reply')
            secure = trusting().wrap_socket(raw)
            secure.sendall(b'NOOP\r\nRCPT TO:<a@example.com>\r\nQUIT\r\n')
            text = b''
            while not text.endswith(b'Bye\r\n'):
                text += secure.recv(4096)
            equal(text, b'250 2.0.0 Ok\r\n503 5.5.1 Bad sequence of commands'
                  b'\r\n221 2.0.0 Bye\r\n', 'the replies')
            secure.close()
        until(lambda: 'tls_discarded' in server.process.errors()
              and 'bytes=30' in server.process.errors(), 'the event')


@tap.test
def not_offered_again():
    """after STARTTLS it is neither offered nor taken, and all is forgotten"""
    with Server(*pair('server')) as server, connect(server) as client:
        check('starttls' not in client.esmtp_features, 'offered again')
        equal(client.docmd('STARTTLS')[0], 503, 'the second STARTTLS')
        client.mail(SENDER)
    with Server(*pair('server')) as server:
        client = smtplib.SMTP('127.0.0.1', server.port, timeout=PATIENCE)
        client.ehlo()
        check('starttls' in client.esmtp_features, 'not offered')
        equal(client.docmd('STARTTLS', 'now')[0], 501, 'with an argument')
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        client.starttls(context=trusting())
        equal(client.docmd('RCPT', 'TO:<%s>' % RECIPIENT)[0], 503, 'RCPT')
        equal(client.docmd('MAIL', 'FROM:<%s>' % SENDER)[0], 503, 'MAIL')
        client.quit()


@tap.test
def plain_text_to_tls():
    """a client that does not speak TLS hears no word in the clear"""
    with Server(*pair('server'), '--tls-immediately') as server:
        with socket.create_connection(('127.0.0.1', server.port),
                                      PATIENCE) as raw:
            raw.sendall(b'EHLO client.example\r\n')
            text = b''
            while True:
                more = raw.recv(4096)
                if not more:
                    break
                text += more
        check(b'220' not in text and b'421' not in text, repr(text))
        until(lambda: 'tls_failed' in server.process.errors(), 'the event')


@tap.test
def reload_certificates():
    """SIGHUP: sessions that run stay, new ones get the new certificate"""
    with Server(*pair('server')) as probe:
        folder = probe.folder + '-certs'
    os.makedirs(folder)
    try:
        for kind in 'pem', 'key':
            shutil.copy(os.path.join(CERTIFICATES, 'server.' + kind),
                        os.path.join(folder, 'used.' + kind))
        with Server('--tls-cert', folder + '/used.pem', '--tls-key',
                    folder + '/used.key', '--tls-immediately') as server:
            with connect(server, immediate=True) as old:
                for kind in 'pem', 'key':
                    shutil.copy(os.path.join(CERTIFICATES, 'second.' + kind),
                                os.path.join(folder, 'used.' + kind))
                server.signal(signal.SIGHUP)
                until(lambda: OTHER in s_client(server), 'the new certificate')
                equal(old.noop()[0], 250, 'the old session')
            os.unlink(folder + '/used.key')
            server.signal(signal.SIGHUP)
            until(lambda: 'used.key' in server.process.errors(),
                  'a complaint that names the file')
            check(OTHER in s_client(server), 'the certificate is gone')
    finally:
        shutil.rmtree(folder)


tap.main()
