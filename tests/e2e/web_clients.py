"""Real clients post mail to slimta-httpd, and the stored octets are compared.
"""

import base64
import contextlib
import http.client
import os
import ssl

import tap
from balancer import Balancer
from secure_clients import NAME, certificate, pair
from server import PATIENCE
from tap import Skip, check, equal, test
from tools import HEAD
from web import (ACCEPTED, HEADERS, MESSAGE, RECIPIENT, SENDER, Raw, curl,
                 encoded, fields_of, httpd, post, words_of)

LARGE = 10 * 1000 * 1000


class Mail:
    def __init__(self, content, sender=SENDER, recipients=(RECIPIENT,)):
        self.content = content
        self.sender = sender
        self.recipients = recipients

    def fields(self):
        return fields_of(self.sender, self.recipients)


def large(size=LARGE):
    """No two blocks of it are the same."""
    return HEAD + b'\r\n' + b''.join(
        b'%015d\n' % number for number in range(size // 16))


MAILS = {
    'a plain mail': Mail(MESSAGE),
    'one octet': Mail(b'x'),
    'every octet': Mail(HEAD + b'\r\n' + bytes(range(256)) * 3),
    'bare CR and LF, and no CRLF at the end':
        Mail(b'A: b\nC: d\n\nx\ry\r\rz\n\r.\r'),
    'lines that begin with dots':
        Mail(HEAD + b'\r\n.\r\n..\r\n.a\r\n\r\n.\r\nQUIT\r\n.\r\n'),
    'an 8-bit body':
        Mail(HEAD + b'\r\n' + 'Grüße, 你好\r\n'.encode() + b'\xfe\xff\x80\r\n'),
    'a line of 70000 octets': Mail(HEAD + b'\r\n' + b'z' * 70000 + b'\r\n'),
    'what looks like chunks and a request':
        Mail(b'0\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'the null sender': Mail(MESSAGE, sender=''),
    'addresses in UTF-8': Mail(MESSAGE, sender='jürgen@exämple.com',
                               recipients=['用户@例え.example']),
    'several recipients': Mail(MESSAGE, recipients=[
        'first@example.net', '"second one"@example.org',
        'first@example.net']),
    '1,000 recipients': Mail(MESSAGE, recipients=[
        'recipient-%d@example.net' % number for number in range(1000)]),
    '10 MB': Mail(large()),
}

# plain, secure and behind a proxy; the balancers
servers = {}


def by_curl(mail, *arguments, to='plain', upload=('--data-binary', '@-')):
    where = servers[to].address if to.startswith('haproxy') else (
        '127.0.0.1', servers[to].port)
    return curl(*words_of(mail.fields()), *upload, *arguments,
                'http://%s:%d/' % where, stdin=mail.content)


def by_curl_over_tls(mail):
    return curl(*words_of(mail.fields()), '--data-binary', '@-', '--cacert',
                certificate('ca'), '--connect-to',
                '::127.0.0.1:%d' % servers['secure'].port,
                'https://%s/' % NAME, stdin=mail.content)


class Response:
    """What http.client has got."""

    def __init__(self, response):
        self.status = response.status
        self.reply = response.getheader('X-Smtp-Reply')
        self.body = response.read()

    def is_(self, status, reply):
        equal((self.status, self.reply), (status, reply), 'the answer')


def ask_by_python(connection, mail, is_chunked=False):
    """One request over a connection of http.client."""
    connection.putrequest('POST', '/')
    for name, value in mail.fields():
        connection.putheader(name, value)
    if is_chunked:
        connection.putheader('Transfer-Encoding', 'chunked')
        pieces = (mail.content[at:at + 4099]
                  for at in range(0, len(mail.content), 4099))
        connection.endheaders(pieces, encode_chunked=True)
    else:
        connection.putheader('Content-Length', str(len(mail.content)))
        connection.endheaders(mail.content)
    return Response(connection.getresponse())


def connect_by_python(to='plain'):
    if to != 'secure':
        return http.client.HTTPConnection('127.0.0.1', servers[to].port,
                                          timeout=PATIENCE)
    context = ssl.create_default_context(cafile=certificate('ca'))
    context.check_hostname = False # of 127.0.0.1
    return http.client.HTTPSConnection('127.0.0.1', servers[to].port,
                                       timeout=PATIENCE, context=context)


def by_python(mail, is_chunked=False, to='plain'):
    with contextlib.closing(connect_by_python(to)) as connection:
        return ask_by_python(connection, mail, is_chunked)


CHUNKED = ['-H', 'Transfer-Encoding: chunked']

# How a mail is posted, and to which server.
WAYS = {
    'curl': ('plain', by_curl),
    'curl in chunks': (
        'plain', lambda mail: by_curl(mail, *CHUNKED)),
    'curl -T -': (
        'plain', lambda mail: by_curl(mail, upload=['-X', 'POST', '-T', '-'])),
    'curl with HTTP/1.0': ('plain', lambda mail: by_curl(mail, '--http1.0')),
    'curl with Expect': (
        'plain', lambda mail: by_curl(mail, '-H', 'Expect: 100-continue')),
    'curl with HTTPS': ('secure', by_curl_over_tls),
    'http.client': ('plain', by_python),
    'http.client in chunks': ('plain', lambda mail: by_python(mail, True)),
    'http.client with HTTPS': (
        'secure', lambda mail: by_python(mail, to='secure')),
    'curl through HAProxy and PROXY v2': (
        'proxied', lambda mail: by_curl(mail, to='haproxy by PROXY')),
    'curl through HAProxy and HTTP': (
        'plain', lambda mail: by_curl(mail, to='haproxy by HTTP')),
    'curl in chunks through HAProxy and HTTP': (
        'plain', lambda mail: by_curl(mail, *CHUNKED, to='haproxy by HTTP')),
}

# What does not fit the head that HAProxy takes.
CANNOT = {('curl through HAProxy and HTTP', '1,000 recipients'),
          ('curl in chunks through HAProxy and HTTP', '1,000 recipients')}


def find_way(name):
    if 'HAProxy' in name and 'haproxy by HTTP' not in servers:
        raise Skip('no haproxy')
    return WAYS[name]


def deliver(way, mail):
    to, send = find_way(way)
    send(mail).is_(200, ACCEPTED)
    stored = servers[to].maildir.take_one()
    equal(stored.content, mail.content, 'what was stored')
    stored.check_trace(mail.sender, mail.recipients,
                       'HTTPS' if to == 'secure' else 'HTTP', 'client.example')


for way_name in WAYS:
    for mail_name, one_mail in MAILS.items():
        if (way_name, mail_name) not in CANNOT:
            tap.case('%s posts %s' % (way_name, mail_name), deliver, way_name,
                     one_mail)


# 100-continue


EXPECT = ['-v', '-H', 'Expect: 100-continue', '--expect100-timeout',
          str(PATIENCE), '-w', '%{size_upload}']


@test
def continues():
    """100 comes when the body is wanted"""
    answer = post(servers['plain'], *EXPECT)
    answer.is_(200, ACCEPTED)
    check('< HTTP/1.1 100 Continue' in answer.said, answer.said)
    equal(answer.body, str(len(MESSAGE)), 'octets sent')
    servers['plain'].maildir.take_one()


@test
def refuses_without_100():
    """a refusal comes instead of the 100, and no octet of the body is sent"""
    answer = post(servers['plain'], *EXPECT, recipients=[])
    answer.is_(400, '501; message="5.5.4 No recipients"')
    check('100 Continue' not in answer.said, answer.said)
    equal(answer.body, '0', 'octets sent')


@test
def no_100_in_1_0():
    """HTTP/1.0 never gets a 100"""
    with Raw(servers['plain'].port) as wire:
        wire.send(HEADERS.replace(b'HTTP/1.1', b'HTTP/1.0')
                  + b'Expect: 100-continue\r\n\r\n' + MESSAGE)
        wire.answer().is_(200, ACCEPTED)
        wire.expect_end()
    servers['plain'].maildir.take_one()


# Kept connections


@test
def curl_keeps():
    """curl posts five mails over one connection"""
    url = 'http://127.0.0.1:%d/' % servers['plain'].port
    answer = curl(*words_of(Mail(MESSAGE).fields()), '--data-binary',
                  '@-', '-w', '%{stderr}%{http_code} %{num_connects}\n',
                  *[url] * 5, stdin=MESSAGE)
    equal(answer.said.split('\n')[:5], ['200 1'] + ['200 0'] * 4,
          'statuses, and connections made')
    equal([stored.content for stored in servers['plain'].maildir.take()],
          [MESSAGE] * 5, 'what was stored')


def python_keeps(to):
    with contextlib.closing(connect_by_python(to)) as connection:
        connection.connect()
        used = connection.sock
        for number in range(60):
            mail = Mail(b'Number: %d\r\n\r\n' % number + b'.x\r\n' * number
                        * number)
            ask_by_python(connection, mail, number % 3 == 1).is_(200, ACCEPTED)
            equal(servers[to].maildir.take_one().content, mail.content,
                  'mail %d' % number)
            # What is refused while its body is there does not end it.
            if number % 4 == 0:
                mail.recipients = ['not an address']
                equal(ask_by_python(connection, mail).status, 400, 'refusal')
        check(connection.sock is used, 'another connection')


for name in 'plain', 'secure':
    tap.case('http.client posts 60 mails over one connection, ' + name,
             python_keeps, name)


@test
def keeps_1_0():
    """HTTP/1.0 keeps the connection when it is asked to"""
    request = HEADERS.replace(b'HTTP/1.1', b'HTTP/1.0') \
        + b'Connection: keep-alive\r\n\r\n' + MESSAGE
    with Raw(servers['plain'].port) as wire:
        for _ in range(3):
            wire.send(request)
            answer = wire.answer()
            answer.is_(200, ACCEPTED)
            equal(answer.fields['connection'], 'keep-alive', 'Connection')
    equal(len(servers['plain'].maildir.take()), 3, 'messages')


def chunked(content):
    return HEADERS.rsplit(b'Content-Length', 1)[0] \
        + b'Transfer-Encoding: chunked\r\n\r\n' \
        + b'%x;a="b"\r\n%b\r\n0\r\nX-Trailer: y\r\n\r\n' % (len(content),
                                                         content)


@test
def pipelines():
    """400 requests sent at once are answered in order"""
    kinds = [(HEADERS + b'\r\n' + MESSAGE, 200), (chunked(b'chunks'), 200),
             (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 405),
             (HEADERS.replace(b'-Recipient', b'-Nobody') + b'\r\n' + MESSAGE,
              400)]
    with Raw(servers['plain'].port) as wire:
        wire.send(b''.join(request for request, _ in kinds) * 100)
        equal([wire.answer().status for _ in range(400)],
              [status for _, status in kinds] * 100, 'statuses')
    equal(sorted(m.content for m in servers['plain'].maildir.take()),
          sorted([MESSAGE, b'chunks'] * 100), 'what was stored')


@test
def pipelines_large():
    """two mails of 10 MB sent at once are stored as they were sent"""
    content = large()
    head = HEADERS.rsplit(b'Content-Length', 1)[0] \
        + b'Content-Length: %d\r\n\r\n' % len(content)
    with Raw(servers['plain'].port) as wire:
        wire.send((head + content) * 2)
        for _ in range(2):
            wire.answer().is_(200, ACCEPTED)
    for stored in servers['plain'].maildir.take():
        equal(stored.content, content, 'what was stored')


# Early refusals, and the end


NOBODY = Mail(large(), recipients=[])
NO_RECIPIENTS = '501; message="5.5.4 No recipients"'


def refuses_early(way):
    server, send = find_way(way)
    send(NOBODY).is_(400, NO_RECIPIENTS)
    equal(servers[server].maildir.take(), [], 'messages')


for way_name in WAYS:
    tap.case('%s hears an early refusal of 10 MB' % way_name, refuses_early,
             way_name)


def goes_away(how):
    server = servers['plain']
    with Raw(server.port) as wire:
        wire.send(HEADERS + b'\r\n' + MESSAGE[:-1])
        how(wire)
    with Raw(server.port) as wire:
        wire.send(HEADERS.rsplit(b'Content-Length', 1)[0]
                  + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
        how(wire)
    post(server).is_(200, ACCEPTED)
    server.maildir.take_one()
    tap.until(lambda: not server.maildir.names('tmp'), 'an empty tmp')


for what, deed in {'closes': lambda wire: wire.socket.close(),
                   'resets': Raw.reset}.items():
    tap.case('a client that %s inside a body has posted nothing' % what,
             goes_away, deed)


@test
def goes_away_in_silence():
    """clients that leave inside a body are counted, and no warning"""
    with httpd('--log-level', 'warning', '--metrics', '127.0.0.1:0') as server:
        tap.until(lambda: len(server.process.lines) == 2, 'both addresses')
        where = server.process.lines[1].split('listening on ')[1]
        for how in Raw.reset, lambda wire: wire.socket.close():
            with Raw(server.port) as wire:
                wire.send(HEADERS + b'Expect: 100-continue\r\n\r\n')
                wire.expect('HTTP/1.1 100')
                wire.send(MESSAGE[:-1])
                how(wire)
        tap.until(lambda: '\nslimta_messages_aborted_total 2\n' in curl(
            'http://%s/metrics' % where).body, 'the count')
        equal(len(server.process.lines), 2, server.process.errors())


@test
def half_closes():
    """a client that shuts down its side behind the body hears the answer"""
    with Raw(servers['plain'].port) as wire:
        wire.send(HEADERS + b'\r\n' + MESSAGE)
        wire.half_close()
        wire.answer().is_(200, ACCEPTED)
        wire.expect_end()
    servers['plain'].maildir.take_one()


# What heads may say, by curl: fields, other arguments, status, reply; and the
# recipients of what is stored.


def octets(text):
    return base64.b64encode(text).decode()


TO = ('X-Envelope-Recipient', encoded(RECIPIENT))
BAD_BASE64 = '501; message="5.5.4 Recipient header expects base64"'
BAD_RECIPIENT = '501; message="5.1.3 Syntax error in recipient address"'
BAD_SENDER = '501; message="5.1.7 Syntax error in sender address"'
BAD_METHOD = '451; message="4.3.5 No mail is taken with this method"'
BAD_TYPE = '554; message="5.6.1 Content-Type is not message/rfc822"'


def to(value):
    return [('X-Envelope-Recipient', value)]


EDGES = {
    'no recipients': ([], [], 400, NO_RECIPIENTS),
    'recipients that are all empty': (to(', ;'), [], 400, NO_RECIPIENTS),
    'lists of recipients, mixed': (
        to('%s , %s;' % (encoded('a@x.org'), encoded('b@x.org')))
        + to(';' + encoded('c@x.org')), [], 200, ACCEPTED,
        ['a@x.org', 'b@x.org', 'c@x.org']),
    'a recipient twice': ([TO, TO], [], 200, ACCEPTED, [RECIPIENT] * 2),
    'white space around base64': (
        to(' \t' + encoded('b@x.org') + ' \t'), [], 200, ACCEPTED,
        ['b@x.org']),
    'no padding': (to(encoded('ab@x.org').rstrip('=')), [], 200, ACCEPTED,
                   ['ab@x.org']),
    'bits that are left over': (to('YUB4Lm9yZx'), [], 400, BAD_BASE64),
    'a single digit left over': (to('YUB4Y'), [], 400, BAD_BASE64),
    'foreign characters': (to('YUB4!Lm9y'), [], 400, BAD_BASE64),
    'an address in the clear': (to('user@host'), [], 400, BAD_BASE64),
    'what is no UTF-8': (
        to(octets(b'a@\xff.org')), [], 400,
        '501; message="5.6.7 Recipient address is not valid UTF-8"'),
    'a line end in a recipient': (
        to(octets(b'a@b\r\nRCPT TO:<c@d>')), [], 400, BAD_RECIPIENT),
    'NUL in a recipient': (to(octets(b'a\0@b')), [], 400, BAD_RECIPIENT),
    'brackets around a recipient': (
        to(encoded('<a@b>')), [], 400, BAD_RECIPIENT),
    'a space in a recipient': (to(encoded('a b@c')), [], 400, BAD_RECIPIENT),
    'a line end in the sender': (
        [TO, ('X-Envelope-Sender', octets(b'a@b\r\nRCPT'))], [], 400,
        BAD_SENDER),
    'two senders': (
        [TO] + [('X-Envelope-Sender', encoded(SENDER))] * 2, [], 400,
        '501; message="5.5.4 More than one sender"'),
    'a bad name': ([TO, ('X-Ehlo', 'a b')], [], 400,
                   '501; message="5.5.4 Syntax error in EHLO name"'),
    'no length': ([TO], ['-X', 'POST'], 411,
                  '501; message="5.5.4 Content-Length is needed"'),
    'length zero': ([TO], ['--data-binary', ''], 400,
                    '501; message="5.5.4 Message is empty"'),
    'no octet in chunks': (
        [TO, ('Transfer-Encoding', 'chunked')], ['--data-binary', ''], 400,
        '501; message="5.5.4 Message is empty"'),
    'gzip': ([TO, ('Content-Encoding', 'gzip')], [], 415,
             '554; message="5.6.1 Content-Encoding is not supported"'),
    'another type': ([TO, ('Content-Type', 'text/plain')], [], 415, BAD_TYPE),
    'a form': ([TO, ('Content-Type', 'application/x-www-form-urlencoded')], [],
               415, BAD_TYPE),
    'a type in capitals with a parameter': (
        [TO, ('Content-Type', 'MESSAGE/Rfc822; charset=x')], [], 200, ACCEPTED,
        [RECIPIENT]),
    'message/global': ([TO, ('Content-Type', 'message/global')], [], 200,
                       ACCEPTED, [RECIPIENT]),
    'no type': ([TO, ('Content-Type', None)], [], 200, ACCEPTED, [RECIPIENT]),
    'another expectation': ([TO, ('Expect', '200-ok')], [], 417,
                            '504; message="5.5.4 Expectation not supported"'),
    'GET': ([TO], ['-G'], 405, BAD_METHOD),
    'PUT': ([TO], ['-T', '-'], 405, BAD_METHOD),
    'HEAD': ([TO], ['-I'], 405, BAD_METHOD),
    'OPTIONS': ([TO], ['-X', 'OPTIONS'], 405, BAD_METHOD),
    'OPTIONS *': ([TO], ['-X', 'OPTIONS', '--request-target', '*'], 405,
                  BAD_METHOD),
    'a host that is none': ([TO, ('Host', 'a b')], [], 400, None),
    'a target of 8,000 octets': (
        [TO], ['--request-target', '/' + 'x' * 7999], 200, ACCEPTED,
        [RECIPIENT]),
    'a longer target than is taken': (
        [TO], ['--request-target', '/' + 'x' * 8192], 414, None),
    'more than the head may hold': (
        [TO] + [('X-Field', 'x' * 60000)] * 7, [], 431,
        '452; message="4.5.3 Too many or too long header fields"'),
    'one recipient too many': (
        [TO] * 1001, [], 503, '452; message="4.5.3 Too many recipients"'),
}

TYPE = [('Content-Type', 'message/rfc822')]

# With these curl sends no body, or another one.
OWN_BODY = {'-X', '-I', '-G', '-T', '--data-binary'}


def curl_words(fields):
    """curl's own type goes where none is said; None says none."""
    words = [word for name, value in fields if value is not None
             for word in ('-H', '%s: %s' % (name, value))]
    return words + [word for name, value in fields if value is None
                    for word in ('-H', name + ':')]


def edge(fields, arguments, status, reply, recipients=None):
    if not any(name == 'Content-Type' for name, _ in fields):
        fields = TYPE + fields
    body = [] if OWN_BODY & set(arguments) else ['--data-binary', '@-']
    answer = curl(*curl_words(fields), *body, *arguments, 'http://127.0.0.1:%d/'
                  % servers['plain'].port, stdin=MESSAGE)
    equal((answer.status, answer.reply), (status, reply or answer.reply),
          'the answer')
    check(answer.reply, 'no X-Smtp-Reply')
    equal([m.delivered_to for m in servers['plain'].maildir.take()],
          [] if recipients is None else [recipients], 'what was stored')
    if status == 405:
        equal(answer.fields['allow'], 'POST', 'Allow')
    if reply and 'Content-Encoding' in reply:
        equal(answer.fields['accept-encoding'], 'identity', 'Accept-Encoding')


for edge_name, row in EDGES.items():
    tap.case('%d for %s' % (row[2], edge_name), edge, *row)


def start(stack):
    begin = stack.enter_context
    servers['plain'] = begin(httpd())
    servers['secure'] = begin(httpd(*pair('server')))
    servers['proxied'] = begin(httpd('--proxy-protocol', 'v2'))
    try:
        servers['haproxy by PROXY'] = begin(
            Balancer(servers['proxied'].port, 'send-proxy-v2'))
        servers['haproxy by HTTP'] = begin(
            Balancer(servers['plain'].port, '', more='mode http'))
    except Skip:
        pass


if __name__ == '__main__':
    with contextlib.ExitStack() as everything:
        start(everything)

        @tap.at_end
        def stop():
            """the servers stop with 0 and leave nothing in tmp"""
            everything.close()

        tap.main()
