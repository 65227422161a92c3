"""Requests that another server may read in another way: each is refused, and
nothing behind it is served.

Each comes whole, and octet by octet, with a mail behind it that would be
stored by a server that finds the end of the first request somewhere else."""

import tap
from tap import check, equal
from web import ACCEPTED, HEADERS, MESSAGE, Raw, httpd

server = httpd('--uri-pattern', '/$')

START = b'POST / HTTP/1.1\r\n'
HOST = b'Host: x\r\n'
ENVELOPE = HEADERS.split(b'Host: x\r\n')[1].rsplit(b'Content-Length', 1)[0]
LENGTH = b'Content-Length: 5\r\n'
CHUNKED = b'Transfer-Encoding: chunked\r\n'
HIDDEN = HEADERS + b'\r\n' + MESSAGE

HEAD = START + HOST + ENVELOPE
CHUNKS = HEAD + CHUNKED + b'\r\n'

# The whole of a request, up to where it is refused, and the status.
REQUESTS = {
    # RFC 9112 section 2.2 and 5
    'a space before a colon':
        (HEAD + b'Content-Length : 5\r\n\r\nhello', 400),
    'a tab before a colon':
        (HEAD + b'Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n', 400),
    'a first field that begins with a space':
        (START + b' ' + HOST + ENVELOPE + LENGTH + b'\r\nhello', 400),
    'a folded field':
        (HEAD + b'X: a\r\n b\r\n' + LENGTH + b'\r\nhello', 400),
    'a folded coding':
        (HEAD + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n', 400),
    'a bare LF behind the request line':
        (b'POST / HTTP/1.1\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello', 400),
    'a bare LF behind a field':
        (HEAD + b'X: a\n' + LENGTH + b'\r\nhello', 400),
    'a bare LF at the end of the head':
        (HEAD + LENGTH + b'\nhello', 400),
    'a bare CR in a field':
        (HEAD + b'X: a\rb\r\n' + LENGTH + b'\r\nhello', 400),
    'a bare CR that hides a coding':
        (HEAD + b'X: a\rTransfer-Encoding: chunked\r\n' + LENGTH
         + b'\r\nhello', 400),
    'NUL in a field': (HEAD + b'X: a\0b\r\n' + LENGTH + b'\r\nhello', 400),
    'NUL in a name': (HEAD + b'X\0: a\r\n' + LENGTH + b'\r\nhello', 400),
    'a field without a name': (HEAD + b': a\r\n' + LENGTH + b'\r\nhello', 400),
    'a line without a colon': (HEAD + b'X\r\n' + LENGTH + b'\r\nhello', 400),
    'two spaces in the request line':
        (b'POST  / HTTP/1.1\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
         400),
    # RFC 9112 section 6.1 to 6.3
    'two lengths': (HEAD + LENGTH + b'Content-Length: 0\r\n\r\nhello', 400),
    'a list of lengths': (HEAD + b'Content-Length: 5, 5\r\n\r\nhello', 400),
    'a list of two lengths': (HEAD + b'Content-Length: 5, 0\r\n\r\nhello', 400),
    'a length with a plus': (HEAD + b'Content-Length: +5\r\n\r\nhello', 400),
    'a length with a minus': (HEAD + b'Content-Length: -5\r\n\r\nhello', 400),
    'a length in hex': (HEAD + b'Content-Length: 0x5\r\n\r\nhello', 400),
    'a length with a point': (HEAD + b'Content-Length: 5.0\r\n\r\nhello', 400),
    'an empty length': (HEAD + b'Content-Length:\r\n\r\nhello', 400),
    'a length that overflows':
        (HEAD + b'Content-Length: 18446744073709551621\r\n\r\nhello', 400),
    'a length and a coding':
        (HEAD + LENGTH + CHUNKED + b'\r\n0\r\n\r\n', 400),
    'a coding and a length':
        (HEAD + CHUNKED + LENGTH + b'\r\n0\r\n\r\n', 400),
    'a length and another coding':
        (HEAD + LENGTH + b'Transfer-Encoding: x\r\n\r\nhello', 400),
    'chunked twice in a list':
        (HEAD + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', 400),
    'chunked on two lines': (HEAD + CHUNKED + CHUNKED + b'\r\n0\r\n\r\n', 400),
    'chunked, then another':
        (HEAD + b'Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n', 400),
    'another, then chunked':
        (HEAD + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501),
    'another coding': (HEAD + b'Transfer-Encoding: gzip\r\n\r\n', 501),
    'identity': (HEAD + b'Transfer-Encoding: identity\r\n\r\n', 501),
    'a coding with a vertical tab':
        (HEAD + b'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n', 400),
    'a coding in quotes':
        (HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400),
    'an empty coding': (HEAD + b'Transfer-Encoding:\r\n\r\n', 400),
    'a coding in HTTP/1.0':
        (b'POST / HTTP/1.0\r\n' + HOST + ENVELOPE + CHUNKED
         + b'\r\n0\r\n\r\n', 400),
    # RFC 9112 section 7.1
    'chunk data without its CRLF': (CHUNKS + b'5\r\nhello0\r\n\r\n', 400),
    'chunk data with a bare LF': (CHUNKS + b'5\r\nhello\n0\r\n\r\n', 400),
    'chunk data that is too long': (CHUNKS + b'4\r\nhello\r\n0\r\n\r\n', 400),
    'a space behind a chunk size': (CHUNKS + b'5 \r\nhello\r\n0\r\n\r\n', 400),
    'a space before a chunk size': (CHUNKS + b' 5\r\nhello\r\n0\r\n\r\n', 400),
    'a chunk size with a sign': (CHUNKS + b'+5\r\nhello\r\n0\r\n\r\n', 400),
    'a chunk size with 0x': (CHUNKS + b'0x5\r\nhello\r\n0\r\n\r\n', 400),
    'an empty chunk size': (CHUNKS + b'\r\nhello\r\n0\r\n\r\n', 400),
    'a chunk size that overflows':
        (CHUNKS + b'10000000000000005\r\nhello\r\n0\r\n\r\n', 400),
    'a bare LF behind a chunk size': (CHUNKS + b'5\nhello\r\n0\r\n\r\n', 400),
    'a bare LF in an extension':
        (CHUNKS + b'5;a\nb\r\nhello\r\n0\r\n\r\n', 400),
    'a bare CR in an extension':
        (CHUNKS + b'5;a\rb\r\nhello\r\n0\r\n\r\n', 400),
    'a long extension':
        (CHUNKS + b'5;' + b'a' * 5000 + b'\r\nhello\r\n0\r\n\r\n', 400),
    'a bare LF behind the last chunk':
        (CHUNKS + b'5\r\nhello\r\n0\n\r\n', 400),
    'a bare LF as the end of the trailer':
        (CHUNKS + b'5\r\nhello\r\n0\r\n\n', 400),
    'a bare LF in the trailer':
        (CHUNKS + b'5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n', 400),
    # RFC 9112 section 2.3 and 3.2
    'no host': (START + ENVELOPE + LENGTH + b'\r\nhello', 400),
    'two hosts': (HEAD + b'Host: y\r\n' + LENGTH + b'\r\nhello', 400),
    'the same host twice': (HEAD + HOST + LENGTH + b'\r\nhello', 400),
    'version 1.2':
        (b'POST / HTTP/1.2\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
         505),
    'version 2.0':
        (b'POST / HTTP/2.0\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
         505),
    'the preface of HTTP/2':
        (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
    'version 1.01':
        (b'POST / HTTP/1.01\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
         400),
    'a version in small letters':
        (b'POST / http/1.1\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
         400),
    'no version': (b'POST /\r\n' + HOST + ENVELOPE + LENGTH + b'\r\nhello',
                   400),
    # RFC 9112 section 6.3, our own rule: no length at all
    'no length': (HEAD + b'\r\nhello', 411),
}


def send(wire, octets, is_cut):
    """All of it, or as much as the server takes before it has closed."""
    try:
        if not is_cut:
            wire.send(octets)
        for at in range(len(octets) if is_cut else 0):
            wire.send(octets[at:at + 1])
    except (BrokenPipeError, ConnectionResetError):
        pass


def refused(octets, status, is_cut):
    with Raw(server.port) as wire:
        send(wire, octets + HIDDEN, is_cut)
        answer = wire.answer()
        equal(answer.status, status, 'status of %r' % answer.reply)
        check(answer.reply, 'no X-Smtp-Reply')
        equal(answer.fields.get('connection'), 'close', 'Connection')
        wire.expect_end()
    equal(server.maildir.take(), [], 'messages')


for name, row in REQUESTS.items():
    for cut in 0, 1:
        tap.case('%d for %s%s' % (row[1], name, ', octet by octet' if cut
                                  else ''), refused, *row, cut)


# And what must be taken, so that the ones above are refused for their fault.
TAKEN = {
    'a length': HEAD + LENGTH + b'\r\nhello',
    'the same length twice': HEAD + LENGTH + LENGTH + b'\r\nhello',
    'zeros before a length': HEAD + b'Content-Length: 005\r\n\r\nhello',
    'white space around a length': HEAD + b'Content-Length:\t 5 \r\n\r\nhello',
    'no white space before a length': HEAD + b'Content-Length:5\r\n\r\nhello',
    'chunks': CHUNKS + b'2\r\nhe\r\n003\r\nllo\r\n00\r\n\r\n',
    'a coding in capitals':
        HEAD + b'TRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'an extension and a trailer':
        CHUNKS + b'5;a="b;c"\r\nhello\r\n0;d\r\nContent-Length: 9\r\n\r\n',
    'a target in absolute form':
        HEAD.replace(b' / ', b' http://x/ ') + LENGTH + b'\r\nhello',
    'an empty line before the request': b'\r\n' + HEAD + LENGTH + b'\r\nhello',
}


def taken(octets, is_cut):
    with Raw(server.port) as wire:
        send(wire, octets + HIDDEN, is_cut)
        for _ in range(2):
            wire.answer().is_(200, ACCEPTED)
    equal(sorted(m.content for m in server.maildir.take()),
          sorted([b'hello', MESSAGE]), 'what was stored')


for name, request in TAKEN.items():
    for cut in 0, 1:
        tap.case('200 for %s%s' % (name, ', octet by octet' if cut else ''),
                 taken, request, cut)


@tap.at_end
def stop():
    """the server stops with 0 and leaves nothing in tmp"""
    server.stop()


if __name__ == '__main__':
    tap.main()
