"""Real clients deliver mail, and the stored octets are compared."""

import os
import re
import shutil
import smtplib
import socket
import subprocess

import tap
from server import PATIENCE, Server
from tap import Failure, Skip, check, equal
from tools import HEAD, tool

SENDER = 'sender@example.com'
ONE = ('rcpt@example.net',)
SEVERAL = ('first@example.net', 'second@example.org', 'third@example.net')


def big_message():
    lines = []
    for number in range(5 * 1024 * 1024 // 64):
        lines.append(b'%08d ' % number + b'abcdefghi' * 5 + b' end-line\r\n')
    return HEAD + b'\r\n' + b''.join(lines)


class Mail:
    def __init__(self, content, sender=SENDER, recipients=ONE):
        self.content = content
        self.sender = sender
        self.recipients = recipients


MAILS = {
    'a plain mail': Mail(HEAD + b'\r\nHello.\r\n\r\nSecond.\r\n'),
    'an 8-bit body': Mail(
        HEAD + b'Content-Transfer-Encoding: 8bit\r\n\r\n'
        + 'Grüße, 你好, \xff?\r\n'.encode('utf-8') + b'\xfe\xff\x80 raw\r\n'),
    'lines that begin with dots': Mail(
        HEAD + b'\r\n.\r\n..\r\n.a\r\n...\r\na.\r\n . \r\n.\r\n'),
    'lines of 998, 5000 and 70000 octets': Mail(
        HEAD + b'\r\n' + b'x' * 998 + b'\r\n' + b'y' * 5000 + b'\r\n.'
        + b'z' * 70000 + b'\r\nend\r\n'),
    'an empty body': Mail(HEAD + b'\r\n'),
    'several recipients': Mail(HEAD + b'\r\nTo all.\r\n',
                               recipients=SEVERAL),
    'the null sender': Mail(HEAD + b'\r\nA bounce.\r\n', sender=''),
    '5 MB': Mail(big_message()),
}

server = None


def run(command, env=None, stdin=None):
    result = subprocess.run(command, input=stdin, env=env, timeout=PATIENCE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise Failure('%s ended with %d: %s' % (
            command[0], result.returncode,
            result.stdout.decode('utf-8', 'replace')[-2000:]))


def file_of(octets):
    path = os.path.join(server.folder, 'mail.eml')
    with open(path, 'wb') as file:
        file.write(octets)
    return path


def curl(mail, over):
    where = {'IPv4': '127.0.0.1:%d', 'IPv6': '[::1]:%d',
             'UNIX': 'localhost:%d'}[over] % port(over)
    command = [tool('curl', 'curl'), '--silent', '--show-error', '--noproxy',
               '*', '--mail-from', mail.sender or '<>', '--upload-file',
               file_of(mail.content)]
    for recipient in mail.recipients:
        command += ['--mail-rcpt', recipient]
    if over == 'UNIX':
        command += ['--unix-socket', unix_path()]
    run(command + ['smtp://%s/curl.example' % where])


def swaks(mail, over):
    where = {'IPv4': ['--server', '127.0.0.1', '--port', str(port(over))],
             'UNIX': ['--socket', unix_path()]}[over]
    # It sends the file as it stands: the end mark and the dots are ours.
    stuffed = mail.content.replace(b'\r\n.', b'\r\n..')
    run([tool('swaks', 'swaks')] + where + [
        '--silent', '--helo', 'swaks.example', '--from', mail.sender or '<>',
        '--to', ','.join(mail.recipients), '--no-data-fixup', '--data',
        '@' + file_of(stuffed + b'.')])


def msmtp(mail, over):
    where = {'IPv4': ['--host=127.0.0.1'], 'IPv6': ['--host=::1'],
             'UNIX': ['--host=localhost', '--socket=' + unix_path()]}[over]
    where.append('--port=%d' % port(over))
    run([tool('msmtp', 'msmtp'), '--file=/dev/null', '--domain=msmtp.example',
         '--from=' + (mail.sender or '<>'), '--set-from-header=off',
         '--set-date-header=off', '--set-msgid-header=off', '--auth=off',
         '--tls=off', '--add-missing-from-header=off',
         '--add-missing-date-header=off'] + where + ['--']
        + list(mail.recipients), stdin=mail.content.replace(b'\r\n', b'\n'))


class UnixSMTP(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        result = socket.socket(socket.AF_UNIX)
        result.settimeout(timeout)
        result.connect(host)
        return result


def connect_smtplib(over):
    kind, host = {'IPv4': (smtplib.SMTP, '127.0.0.1'),
                  'IPv6': (smtplib.SMTP, '::1'),
                  'UNIX': (UnixSMTP, unix_path())}[over]
    return kind(host, port(over), local_hostname='smtplib.example',
                timeout=PATIENCE)


def python_smtplib(mail, over):
    with connect_smtplib(over) as client:
        options = ['BODY=8BITMIME'] if not mail.content.isascii() else []
        refused = client.sendmail(mail.sender, mail.recipients, mail.content,
                                  mail_options=options)
        equal(refused, {}, 'refused recipients')


def smtp_source_command():
    """Postfix's generator: installed, in PATH, or unpacked from its package
    under SLIMTA_POSTFIX."""
    root = os.environ.get('SLIMTA_POSTFIX')
    env = dict(os.environ)
    if root:
        env['LD_LIBRARY_PATH'] = root + '/usr/lib/postfix'
        path = shutil.which(root + '/usr/sbin/smtp-source')
    else:
        path = shutil.which('smtp-source') \
            or shutil.which('/usr/sbin/smtp-source')
    if path is None:
        raise Failure('smtp-source is missing: install the package postfix, '
                      'or set SLIMTA_POSTFIX to where it is unpacked')
    return path, env


def smtp_source_where(over):
    if over == 'UNIX':
        return 'unix:' + unix_path()
    return 'inet:%s:%d' % ({'IPv4': '127.0.0.1', 'IPv6': '[::1]'}[over],
                           port(over))


def smtp_source(mail, over):
    path, env = smtp_source_command()
    run([path, '-M', 'source.example', '-f', mail.sender, '-t',
         mail.recipients[0], '-F',
         file_of(mail.content.replace(b'\r\n', b'\n')),
         smtp_source_where(over)], env=env)


# How it delivers, its EHLO name, its protocol, and what it adds to the end.
CLIENTS = {
    'curl': (curl, 'curl.example', 'ESMTP', b''),
    'swaks': (swaks, 'swaks.example', 'ESMTP', b''),
    # Newer ones ask for SMTPUTF8 wherever it is offered.
    'msmtp': (msmtp, 'msmtp.example', None, b''),
    'smtplib': (python_smtplib, 'smtplib.example', 'ESMTP', b''),
    'smtp-source': (smtp_source, 'source.example', 'SMTP', b'\r\n'),
}

# What a client cannot do: smtp-source makes up its own list of recipients,
# and swaks wants a Perl module for IPv6 that it does not depend on.
CANNOT = {('smtp-source', 'several recipients'), ('swaks', 'IPv6')}


def unix_path():
    return os.path.join(server.folder, 'smtp.sock')


def port(over):
    if over == 'UNIX':
        return 25
    return server.port_of(['IPv4', 'IPv6'].index(over))


def deliver(client, mail, over):
    if over == 'IPv6' and not HAS_IPV6:
        raise Skip('this machine has no IPv6')
    send, helo, protocol, added = CLIENTS[client]
    send(mail, over)
    stored = server.maildir.take_one()
    equal(stored.content, mail.content + added, 'what was stored')
    if protocol is None:
        check(re.search(r' with (ESMTP|UTF8SMTP) ', stored.received),
              'the protocol in Received: ' + stored.received)
    stored.check_trace(mail.sender, mail.recipients, protocol, helo)


def many_by_smtp_source(keep):
    """Postfix's generator with sessions side by side."""
    path, env = smtp_source_command()
    run([path] + keep + ['-M', 'source.example', '-s', '8', '-m', '100', '-l',
                         '4096', '-f', SENDER, '-t', ONE[0],
                         smtp_source_where('IPv4')], env=env)
    messages = server.maildir.take()
    equal(len(messages), 100, 'messages')
    for message in messages:
        message.check_trace(SENDER, ONE, 'SMTP', 'source.example')
        check(message.content.endswith(b'\r\n'), 'the end of a message')
        check(len(message.content) >= 4096, 'the size of a message')


def source_recipients():
    path, env = smtp_source_command()
    run([path, '-r', '5', '-M', 'source.example', '-f', SENDER, '-t', ONE[0],
         smtp_source_where('IPv4')], env=env)
    message = server.maildir.take_one()
    equal(len(set(message.delivered_to)), 5, 'different recipients')
    message.check_trace(SENDER, tuple(message.delivered_to))


def smtputf8():
    sender, recipient = 'jürgen@exämple.com', '用户@例え.example'
    content = 'Subject: Grüße\r\n\r\nText\r\n'.encode('utf-8')
    with connect_smtplib('IPv4') as client:
        client.ehlo()
        check(client.has_extn('smtputf8'), 'SMTPUTF8 is not offered')
        code, text = client.docmd(
            'MAIL', 'FROM:<sender@example.com> SMTPUTF8 BODY=8BITMIME')
        equal(code, 250, 'MAIL')
        client.rset()
        client.sendmail(sender, [recipient], content,
                        mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    stored = server.maildir.take_one()
    equal(stored.content, content, 'what was stored')
    stored.check_trace(sender, (recipient,), 'UTF8SMTP', 'smtplib.example')


def several_in_one_session():
    with connect_smtplib('IPv4') as client:
        for number in range(5):
            content = HEAD + b'\r\nNumber %d\r\n' % number
            client.sendmail(SENDER, ONE, content)
            stored = server.maildir.take_one()
            equal(stored.content, content, 'message %d' % number)


def newlines_lf():
    global server
    before = server
    try:
        with Server(queue='maildir:{}?newlines=lf') as server:
            mail = MAILS['lines that begin with dots']
            curl(mail, 'IPv4')
            stored = server.maildir.take_one()
            equal(stored.content, mail.content.replace(b'\r\n', b'\n'),
                  'what was stored')
            stored.check_trace(SENDER, ONE, 'ESMTP', 'curl.example')
    finally:
        server = before


def ipv6_works():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
        return True
    except OSError:
        return False


def stop_server():
    """the server stops with 0 and leaves nothing in tmp"""
    server.stop()


def register():
    for client in CLIENTS:
        for name, mail in MAILS.items():
            if (client, name) not in CANNOT:
                tap.case('%s delivers %s' % (client, name), deliver, client,
                         mail, 'IPv4')
        for over in 'IPv6', 'UNIX':
            if (client, over) in CANNOT:
                continue
            tap.case('%s delivers over %s' % (client, over), deliver, client,
                     MAILS['a plain mail'], over)
    tap.case('smtp-source, a session for each of 100 messages',
             many_by_smtp_source, [])
    tap.case('smtp-source, 100 messages over kept sessions',
             many_by_smtp_source, ['-d'])
    tap.case('smtp-source, five recipients', source_recipients)
    tap.case('smtplib delivers with SMTPUTF8', smtputf8)
    tap.case('smtplib delivers five mails in one session',
             several_in_one_session)
    tap.case('newlines=lf stores LF', newlines_lf)
    tap.at_end(stop_server)


HAS_IPV6 = ipv6_works()

if __name__ == '__main__':
    listeners = ['127.0.0.1:0'] + ['[::1]:0'] * HAS_IPV6
    server = Server(listen=listeners + ['unix:{folder}/smtp.sock'])
    register()
    tap.main()
