"""Real mail servers deliver to us: Postfix over SMTP and LMTP, Dovecot's relay
with chunks and its LMTP proxy. What was stored, and what they heard."""

import contextlib
import os
import re
import smtplib
import subprocess
import tempfile

import tap
from dovecot import PASSWORD, Dovecot
from postfix import Postfix
from recorder import Recorder
from server import PATIENCE, Maildir, Server, environment
from tap import check, equal, test, until
from tools import HEAD
from wire import Wire

CONTENT = HEAD + b'\r\n.\r\n..\r\nHello.\r\n'
SENDER = 'sender@example.com'
DSN_OPTIONS = ['RET=HDRS', 'ENVID=x+2By']
DSN_OF_RECIPIENT = ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;old@example.org']


def connect(port):
    return smtplib.SMTP('127.0.0.1', port, local_hostname='client.example',
                        timeout=PATIENCE)


def submit(client, content=CONTENT, sender=SENDER,
           recipients=('rcpt@example.net',), mail_options=(),
           rcpt_options=()):
    refused = client.sendmail(sender, recipients, content, mail_options,
                              rcpt_options)
    equal(refused, {}, 'refused by the one between')


def stored_by(maildir, count=1):
    until(lambda: len(maildir.names() - maildir.taken) >= count,
          '%d messages are stored' % count, PATIENCE)
    messages = maildir.take()
    equal(len(messages), count, 'how many')
    return messages


def ends_with(stored, content):
    """All but what the one between has put on top."""
    equal(stored.content[-len(content):], content, 'the content')
    check(stored.content.startswith(b'Received: '), 'its own Received')


@contextlib.contextmanager
def through_postfix(*main, server=()):
    """A server, a Postfix that hands all to it, and what that one says."""
    with Server(*server) as server, Recorder(server.port) as recorder, \
            Postfix(*main, deliver='smtp:[127.0.0.1]:%d' % recorder.port) \
            as postfix:
        yield server, postfix, recorder


@test
def postfix_smtp():
    """Postfix hands mail on over SMTP, for one and for several"""
    with through_postfix() as (server, postfix, recorder):
        # It sorts them.
        recipients = ['one@example.net', 'three@example.net',
                      'two@example.net']
        with connect(postfix.port) as client:
            submit(client)
            submit(client, recipients=recipients)
        messages = stored_by(server.maildir, 2)
        messages.sort(key=lambda stored: len(stored.delivered_to))
        for stored, wanted in zip(messages,
                                  [['rcpt@example.net'], recipients]):
            ends_with(stored, CONTENT)
            stored.check_trace(SENDER, wanted, 'ESMTP', 'postfix.example')
        # It is offered CHUNKING, and has no use for it.
        check(b'BDAT' not in recorder.said(), 'Postfix sends chunks now')
        until(lambda: postfix.queued() == 0, 'its queue is empty', PATIENCE)


@test
def postfix_dsn():
    """what the sender asked Postfix for stands above the trace"""
    with through_postfix() as (server, postfix, recorder):
        with connect(postfix.port) as client:
            submit(client, mail_options=DSN_OPTIONS,
                   rcpt_options=DSN_OF_RECIPIENT)
        stored, = stored_by(server.maildir)
        equal(stored.wishes,
              ['Mail: RET=HDRS ENVID=x+2By',
               'Rcpt: <rcpt@example.net> NOTIFY=SUCCESS,FAILURE '
               'ORCPT=rfc822;old@example.org'], 'what was asked')
        check(b' ENVID=x+2By RET=HDRS\r\n' in recorder.said(),
              recorder.said()[:300])


@test
def postfix_smtputf8():
    """Postfix hands on addresses and a header in UTF-8"""
    sender, recipient = 'jörg@bücher.example', '用户@例子.example'
    content = HEAD.replace(b'a test', 'Grüße'.encode()) + b'\r\n\xc3\xa9\r\n'
    with through_postfix() as (server, postfix, recorder):
        with connect(postfix.port) as client:
            submit(client, content, sender, [recipient],
                   ['SMTPUTF8', 'BODY=8BITMIME'])
        stored, = stored_by(server.maildir)
        ends_with(stored, content)
        stored.check_trace(sender, [recipient], 'UTF8SMTP',
                           'postfix.example')
        check(' with UTF8SMTP ' in stored.received, stored.received)
        # Postfix names what it has made up itself in this way.
        encoded = ''.join('+%02X' % octet if octet > 126 else chr(octet)
                          for octet in recipient.encode())
        check((' ORCPT=rfc822;' + encoded + '\r\n').encode()
              in recorder.said(), recorder.said()[:400])
        equal(stored.wishes,
              ['Rcpt: <%s> ORCPT=rfc822;%s' % (recipient, encoded)],
              'what is kept')


@test
def postfix_size():
    """a refusal of ours becomes a bounce that Postfix brings back"""
    with Server('--max-size', '100000') as server, \
            Postfix(deliver='smtp:[127.0.0.1]:%d' % server.port) as postfix:
        with connect(postfix.port) as client:
            submit(client, CONTENT + b'x' * 70 + b'\r\n'
                   + (b'y' * 70 + b'\r\n') * 2000)
        bounce, = stored_by(server.maildir)
        bounce.check_trace('', [SENDER], 'ESMTP', 'postfix.example')
        check(b'552 5.3.4' in bounce.content or b'5.3.4' in bounce.content,
              bounce.content[:2000])


@test
def postfix_xforward():
    """Postfix tells of its client where it may, for each message anew"""
    with through_postfix('smtp_send_xforward_command = yes',
                         server=['--xclient-from', '127.0.0.1']) \
            as (server, postfix, recorder):
        with connect(postfix.port) as client:
            submit(client)
            submit(client)
        for stored in stored_by(server.maildir, 2):
            ends_with(stored, CONTENT)
        said = recorder.said()
        check(re.search(rb'\r\nXFORWARD [^\r]*ADDR=127\.0\.0\.1', said)
              and re.search(rb'\r\nXFORWARD [^\r]*HELO=client.example', said),
              said[:400])


@contextlib.contextmanager
def lmtp_host():
    """A host of ours that knows mailboxes: its socket and its maildir."""
    with tempfile.TemporaryDirectory(prefix='slimta-e2e-') as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, 'lmtp')
        host = subprocess.Popen(
            [os.environ['LMTP_HOST'], path, os.path.join(folder, 'mail')],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        try:
            equal(host.stdout.readline(), 'ready\n', 'the host')
            # Whoever may connect may deliver: here any user.
            os.chmod(path, 0o666)
            yield path, Maildir(os.path.join(folder, 'mail'))
            _, complaints = host.communicate(timeout=PATIENCE)
            equal((host.returncode, complaints), (0, ''), 'exit, complaints')
        finally:
            host.kill()
            host.wait()


KNOWN_AND_NOT = ['full@example.net', 'nobody@example.net', 'one@example.net',
                 'two@example.net']
TAKEN = [address for address in KNOWN_AND_NOT if 'nobody' not in address]


def has_logged(postfix, recipient, status, text):
    return re.search(r'to=<%s>, .*status=%s \(.*%s'
                     % (re.escape(recipient), status, re.escape(text)),
                     postfix.said())


@test
def postfix_lmtp():
    """Postfix's LMTP client, a UNIX socket: one reply for each recipient"""
    with lmtp_host() as (path, maildir), \
            Postfix(deliver='lmtp:unix:' + path) as postfix:
        with connect(postfix.port) as client:
            submit(client, recipients=KNOWN_AND_NOT)
        until(lambda: has_logged(postfix, SENDER, 'sent', '250 2.6.0'),
              'the bounce is taken', PATIENCE)
        for recipient, status, text in (
                ('one@example.net', 'sent', '250 2.6.0'),
                ('two@example.net', 'sent', '250 2.6.0'),
                ('full@example.net', 'bounced', '552 5.2.2 Mailbox is full '
                 '(in reply to end of DATA command)'),
                ('nobody@example.net', 'bounced', '550 5.1.1 No such mailbox '
                 '(in reply to RCPT TO command)')):
            check(has_logged(postfix, recipient, status, text),
                  recipient + ': ' + postfix.said())
        messages = maildir.take()
        message, = [one for one in messages if one.return_path != '<>']
        ends_with(message, CONTENT)
        # The full one was accepted at RCPT, and refused afterwards.
        message.check_trace(SENDER, TAKEN, 'LMTP', 'postfix.example')


def speak_lmtp(port, recipients, content):
    """The replies to the recipients, and those to the message."""
    with Wire(port) as wire:
        wire.ask('LHLO client.example', '250-')
        wire.ask('MAIL FROM:<%s>' % SENDER, '250 ')
        to_recipients = []
        for recipient in recipients:
            wire.send(b'RCPT TO:<%s>\r\n' % recipient.encode())
            to_recipients.append(wire.reply())
        wire.ask('DATA', '354 ')
        wire.send(content.replace(b'\r\n.', b'\r\n..') + b'.\r\n')
        taken = [reply for reply in to_recipients if reply[:1] == '2']
        to_message = [wire.reply() for _ in taken]
        wire.ask('QUIT', '221 ')
        return to_recipients, to_message


@test
def dovecot_lmtp():
    """Dovecot's LMTP proxy, a UNIX socket: in chunks, a reply for each"""
    # It cannot connect to a path itself: the recorder does.
    with lmtp_host() as (path, maildir), Recorder(path) as recorder, \
            Dovecot(proxied=dict.fromkeys(KNOWN_AND_NOT, recorder.port)) \
            as dovecot:
        to_recipients, to_message = speak_lmtp(
            dovecot.lmtp_port, KNOWN_AND_NOT, CONTENT)
        equal([reply[:9] for reply in to_recipients],
              ['250 2.1.5', '550 5.1.1', '250 2.1.5', '250 2.1.5'], 'RCPT')
        equal([reply[:9] for reply in to_message],
              ['552 5.2.2', '250 2.6.0', '250 2.6.0'], 'the message')
        stored, = stored_by(maildir)
        ends_with(stored, CONTENT)
        stored.check_trace(SENDER, TAKEN, 'LMTP', 'dovecot.example')
        check(re.search(rb'\r\nBDAT \d+ LAST\r\n', recorder.said()),
              recorder.said())


@contextlib.contextmanager
def through_dovecot(more='', server=()):
    """A server, and a client of the Dovecot that submits to it."""
    with Server(*server) as server, Recorder(server.port) as recorder, \
            Dovecot(users=[SENDER], relay_port=recorder.port,
                    more=more) as dovecot, \
            connect(dovecot.submission_port) as client:
        client.login(SENDER, PASSWORD)
        yield server, client, recorder


@test
def dovecot_chunks():
    """Dovecot relays in chunks, small ones and a megabyte"""
    big = CONTENT + (b'.' + b'z' * 900 + b'\r\n') * 1200
    with through_dovecot() as (server, client, recorder):
        for content in CONTENT, big:
            submit(client, content)
            stored, = stored_by(server.maildir)
            ends_with(stored, content)
            stored.check_trace(SENDER, ['rcpt@example.net'], 'ESMTP',
                               'dovecot.example')
        chunks = re.findall(rb'BDAT \d+( LAST)?\r\n', recorder.said())
        equal(chunks.count(b' LAST'), 2, 'last chunks')
        check(len(chunks) > 2, 'the big one came in one chunk')
        check(b'DATA\r\n' not in recorder.said(), 'not all were chunks')


@test
def dovecot_dsn():
    """what the sender asked Dovecot's relay for stands above the trace"""
    with through_dovecot() as (server, client, _):
        submit(client, mail_options=DSN_OPTIONS, rcpt_options=DSN_OF_RECIPIENT)
        stored, = stored_by(server.maildir)
        equal(stored.wishes,
              ['Mail: RET=HDRS ENVID=x+2By',
               'Rcpt: <rcpt@example.net> NOTIFY=SUCCESS,FAILURE '
               'ORCPT=rfc822;old@example.org'], 'what was asked')


@test
def dovecot_xclient():
    """Dovecot's relay makes the session its client's where it may"""
    with through_dovecot('submission_relay_trusted = yes',
                         server=['--xclient-from', '127.0.0.1']) \
            as (server, client, recorder):
        submit(client)
        stored, = stored_by(server.maildir)
        check(re.search(rb'\r\nXCLIENT [^\r]*LOGIN=sender@example.com',
                        recorder.said()), recorder.said()[:400])
        # Its client's login is the session's.
        stored.check_trace(SENDER, ['rcpt@example.net'], 'ESMTPA',
                           'dovecot.example')


if __name__ == '__main__':
    tap.main()
