"""slimta-smtpd hands mail on to another one, over SMTP, LMTP and HTTP."""

import smtplib
import socket
import tempfile

import tap
from server import HTTPD, Server, run
from tap import check, equal

MESSAGE = b'Subject: on\r\n\r\nOn it goes.\r\n.dots\r\n'


def deliver(port, sender='you@example.com'):
    """The reply to a message, or to the command that was refused."""
    with smtplib.SMTP('127.0.0.1', port, timeout=30) as client:
        client.ehlo()
        for reply in (client.mail(sender), client.rcpt('a@example.org')):
            if reply[0] != 250:
                return reply
        return client.data(MESSAGE)


def hands_on(hop_arguments, listen, uri, program=None):
    with tempfile.TemporaryDirectory() as folder:
        how = {} if program is None else {'program': program}
        with Server(*hop_arguments, listen=[listen.format(folder=folder)],
                    **how) as hop:
            port = hop.addresses[0].rsplit(':', 1)[1]
            with Server(queue=uri.format(folder=folder, port=port)) as front:
                code, text = deliver(front.port)
                equal(code, 250, text)
                equal(deliver(front.port)[0], 250, 'a second one')
            messages = hop.maildir.take()
            equal(len(messages), 2, 'messages')
            for message in messages:
                equal(message.return_path, '<you@example.com>', 'the sender')
                first, _, rest = message.content.partition(b'\r\n\r\n')
                check(first.startswith(b'Received: from '), 'one trace only')
                equal(rest, MESSAGE.partition(b'\r\n\r\n')[2], 'content')


for name, arguments, address, to, other in (
        ('SMTP', [], '127.0.0.1:0', 'smtp://127.0.0.1:{port}', None),
        ('LMTP', ['--lmtp'], '127.0.0.1:0', 'lmtp://127.0.0.1:{port}', None),
        ('LMTP, over a socket', ['--lmtp'], 'unix:{folder}/lmtp',
         'lmtp:unix:{folder}/lmtp', None),
        ('HTTP', [], '127.0.0.1:0', 'http://127.0.0.1:{port}/mail', HTTPD)):
    tap.case('hands on over ' + name, hands_on, arguments, address, to, other)


@tap.test
def tells_refusals():
    """a refusal of the next hop is told to the client"""
    with Server('--max-recipients', '1') as hop:
        with Server(queue='smtp://127.0.0.1:%d' % hop.port) as front:
            with smtplib.SMTP('127.0.0.1', front.port, timeout=30) as client:
                client.ehlo()
                equal(client.mail('you@example.com')[0], 250, 'MAIL')
                equal(client.rcpt('a@example.org')[0], 250, 'the first')
                equal(client.rcpt('b@example.org'),
                      (452, b'4.5.3 Too many recipients'), 'the second')
                equal(client.data(MESSAGE)[0], 250, 'the message')


@tap.test
def nobody_is_there():
    """without a next hop the client hears 451, and the log says why"""
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        port = taken.getsockname()[1]
        with Server(queue='smtp://127.0.0.1:%d' % port) as front:
            equal(deliver(front.port)[0], 451, 'reply')
            check('hop_failed' in front.process.errors(), 'no word of it')


@tap.test
def verifies_by_name():
    """smtps: wants a name, since a certificate has one"""
    status, _, errors = run('--listen', '127.0.0.1:0', '--queue',
                            'smtps://127.0.0.1:465')
    equal(status, 2, errors)
    check('127.0.0.1:465' in errors, errors)


tap.main()
