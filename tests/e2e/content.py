"""Messages that try something: smuggling, sizes, odd octets."""

import tap
from server import Server
from tap import check, equal, test
from wire import MESSAGE, Wire, stuff

LIMIT = 100000

server = Server('--max-size', str(LIMIT))


def nothing_came():
    equal(len(server.maildir.take()), 0, 'messages')
    equal(server.maildir.names('tmp'), set(), 'what is left in tmp')


def smuggle(end, cuts):
    """What looks like an end, then a second mail for those who believe it."""
    octets = (b'Subject: outer\r\n\r\nouter' + end
              + b'MAIL FROM:<smuggler@example.com>\r\n'
              b'RCPT TO:<victim@example.net>\r\nDATA\r\n'
              b'Subject: inner\r\n\r\ninner\r\n.\r\n')
    with Wire(server.port) as wire:
        wire.greet().open()
        for octets in ([octets] if not cuts else
                       [octets[i:i + 1] for i in range(len(octets))]):
            wire.send(octets)
        wire.expect('550 5.5.2 ')
        # One reply for all of it, and the session is in step.
        wire.ask('NOOP', '250 2.0.0')
        nothing_came()
        wire.deliver()
        equal(server.maildir.take_one().content, MESSAGE, 'the next mail')
        wire.quit()


ENDS = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r.\r\n', b'\r\n.\r',
        b'\r\n.\r\r\n', b'\n\r\n.\n', b'\r\r\n.\n', b'\n.\n\r\n',
        b'\r\n\x2e\n\r']
for sequence in ENDS:
    for is_cut in 0, 1:
        tap.case('%r ends nothing%s' % (sequence, ', octet by octet'
                                        if is_cut else ''),
                 smuggle, sequence, is_cut)


def refused_anywhere(content):
    with Wire(server.port) as wire:
        wire.greet().open()
        wire.send(content + b'\r\n.\r\n')
        wire.expect('550 5.5.2 ')
        wire.ask('NOOP', '250 2.0.0')
    nothing_came()


for place, octets in {'first': b'\nSubject: x', 'in the head':
                      b'A: b\nC: d\r\n\r\nx', 'in the body':
                      b'A: b\r\n\r\none\rtwo', 'last': b'A: b\r\n\r\none\r',
                      'doubled': b'A: b\r\r\n\r\none'}.items():
    tap.case('a bare newline, %s, is refused' % place, refused_anywhere,
             octets)


def stored_as_sent(content):
    with Wire(server.port) as wire:
        wire.greet().deliver(content)
        equal(server.maildir.take_one().content, content, 'what was stored')
        wire.quit()


for what, octets in {
        'no octet at all': b'',
        'one empty line': b'\r\n',
        'one dot': b'.\r\n',
        'NUL and every other octet but CR and LF':
            b'A: b\r\n\r\n' + bytes(set(range(256)) - {10, 13}) + b'\r\n',
        'a line of 90,000 octets': b'A: b\r\n\r\n' + b'x' * 90000 + b'\r\n',
        'many dots': b'.\r\n..\r\n...\r\n. .\r\n.x\r\n\r\n.\r\n',
        'empty lines': b'\r\n' * 10000}.items():
    tap.case('stored as it was sent: ' + what, stored_as_sent, octets)


def of_size(size, dots):
    line = (b'.' if dots else b'x') * 98 + b'\r\n'
    text = b'A: b\r\n\r\n'
    text += line * ((size - len(text)) // 100)
    rest = size - len(text)
    if rest < 2:
        text, rest = text[:-100], rest + 100
    return text + b'y' * (rest - 2) + b'\r\n'


def size_in_data(size, dots, is_accepted):
    content = of_size(size, dots)
    equal(len(content), size, 'the test itself')
    with Wire(server.port) as wire:
        wire.greet().open()
        wire.send(stuff(content) + b'.\r\nNOOP\r\n')
        wire.expect('250 2.6.0' if is_accepted else '552 5.3.4')
        wire.expect('250 2.0.0')
        if is_accepted:
            equal(server.maildir.take_one().content, content,
                  'what was stored')
        nothing_came()
        wire.deliver()
        equal(server.maildir.take_one().content, MESSAGE, 'the next mail')


for dotted in 0, 1:
    for delta in -1, 0, 1:
        tap.case('the limit %+d octets%s' % (delta, ', dots not counted twice'
                                             if dotted else ''),
                 size_in_data, LIMIT + delta, dotted, delta <= 0)


@test
def far_too_large():
    """20 times the limit is read to its end, then refused"""
    with Wire(server.port) as wire:
        wire.greet().open()
        wire.send(of_size(20 * LIMIT, 0) + b'.\r\n')
        equal(wire.expect('552 '), '552 5.3.4 Message exceeded size limit',
              'the reply')
        wire.ask('NOOP', '250 2.0.0')
    nothing_came()


@test
def commands_in_oversize():
    """what follows the limit is never read as commands"""
    with Wire(server.port) as wire:
        wire.greet().open()
        wire.send(b'x' * LIMIT + b'\r\nQUIT\r\nRSET\r\n.\r\nNOOP\r\n')
        wire.expect('552 5.3.4')
        wire.expect('250 2.0.0')
        wire.quit()
    nothing_came()


@test
def declared_size():
    """SIZE on MAIL is refused above the limit, RFC 1870"""
    with Wire(server.port) as wire:
        wire.greet()
        wire.ask('MAIL FROM:<a@example.com> SIZE=%d' % (LIMIT + 1),
                 '552 5.3.4')
        wire.ask('MAIL FROM:<a@example.com> SIZE=99999999999999999999',
                 '552 5.3.4')
        wire.ask('MAIL FROM:<a@example.com> SIZE=%d' % LIMIT, '250 2.1.0')


@test
def one_in_a_kept_session():
    """300 messages over one connection, each as it was sent"""
    with Wire(server.port) as wire:
        wire.greet()
        for number in range(300):
            wire.deliver(b'Number: %d\r\n\r\n' % number + b'.x\r\n' * number)
        wire.quit()
    stored = sorted(len(m.content) for m in server.maildir.take())
    equal(stored, sorted(len(b'Number: %d\r\n\r\n' % n) + 4 * n
                         for n in range(300)), 'sizes')


def stop_server():
    """the server stops with 0 and leaves nothing in tmp"""
    server.stop()


tap.at_end(stop_server)

if __name__ == '__main__':
    tap.main()
