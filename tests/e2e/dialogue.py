"""What the server says, octet by octet: commands, replies, and their order."""

import socket

import tap
from server import HOSTNAME, Server
from tap import Failure, check, equal, test, until
from wire import MESSAGE, Wire

EXTENSIONS = ['8BITMIME', 'BINARYMIME', 'CHUNKING', 'DELIVERBY', 'DSN',
              'ENHANCEDSTATUSCODES', 'LIMITS RCPTMAX=3', 'MT-PRIORITY',
              'PIPELINING', 'SIZE 52428800', 'SMTPUTF8']

ENVELOPE = (b'EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n'
            b'RCPT TO:<b@example.net>\r\n')

server = Server('--max-recipients', '3', '--max-errors', '1000')


def connect(greet=True):
    return Wire(server.port, greet)


def expect_ehlo(wire, extensions=None):
    lines = wire.expect('250-').split('\n')
    equal(lines[0], '250-Hello client.example', 'the first line of EHLO')
    equal(sorted(line[4:] for line in lines[1:]),
          extensions or EXTENSIONS, 'the extensions')


def nothing_came():
    equal(len(server.maildir.take()), 0, 'messages')
    equal(server.maildir.names('tmp'), set(), 'what is left in tmp')


@test
def banner():
    """the banner is the one of the manual"""
    with connect() as wire:
        equal(wire.banner, '220 %s ESMTP Mail Gateway' % HOSTNAME,
              'the banner')


@test
def ehlo():
    """EHLO lists what the maildir can honour and nothing else"""
    with connect() as wire:
        wire.send(b'EHLO client.example\r\n')
        expect_ehlo(wire)


@test
def helo():
    """HELO is answered on one line"""
    with connect() as wire:
        equal(wire.ask('helo client.example', '250 '),
              '250 Hello client.example', 'the reply to HELO')
        wire.deliver()
        server.maildir.take_one().check_trace(
            'sender@example.com', ['rcpt@example.net'], 'SMTP',
            'client.example')


@test
def texts():
    """the replies of one transaction are those of the manual"""
    with connect() as wire:
        wire.greet()
        for command, reply in [
                ('MAIL FROM:<a@example.com>', '250 2.1.0 <a@example.com> Ok'),
                ('RCPT TO:<b@example.net>', '250 2.1.5 <b@example.net> Ok'),
                ('DATA',
                 '354 Start mail input; end with <CRLF>.<CRLF>')]:
            equal(wire.ask(command, ''), reply, command)
        wire.send(MESSAGE + b'.\r\n')
        name = wire.expect('250 2.6.0 Message queued as ').split()[-1]
        equal(wire.ask('QUIT', ''), '221 2.0.0 Bye', 'QUIT')
        wire.expect_end()
        stored = server.maildir.take_one()
        equal(stored.content, MESSAGE, 'what was stored')
        check(' id %s' % name in stored.received,
              'the id %s in %s' % (name, stored.received))


@test
def verbs():
    """VRFY, EXPN, NOOP, RSET and an unknown verb"""
    with connect() as wire:
        wire.greet()
        wire.ask('VRFY somebody', '252 ')
        wire.ask('EXPN list', '502 5.')
        wire.ask('NOOP with words', '250 2.0.0 ')
        wire.ask('RSET', '250 2.0.0 ')
        wire.ask('HELP', '214 ')
        equal(wire.ask('WHAT is this', ''),
              '500 5.5.2 Syntax error, command unrecognized', 'WHAT')


@test
def order():
    """commands out of order are 503, and unknown parameters 555"""
    with connect() as wire:
        wire.ask('MAIL FROM:<a@example.com>',
                 '503 5.5.1 Bad sequence of commands')
        wire.greet()
        wire.ask('RCPT TO:<b@example.net>', '503 5.5.1 ')
        wire.ask('DATA', '503 5.5.1 ')
        wire.ask('MAIL FROM:<a@example.com> X-WHAT=1', '555 5.5.4 ')
        wire.ask('MAIL FROM:a@example.com', '501 5.')
        wire.ask('MAIL FROM:<a@example.com>', '250 2.1.0 ')
        wire.ask('MAIL FROM:<c@example.com>', '503 5.5.1 ')
        # RFC 5321 §3.3: the open transaction is as it was.
        wire.ask('RCPT TO:<b@example.net>', '250 2.1.5 ')
        wire.ask('RSET', '250 2.0.0 ')
        wire.deliver()
        equal(server.maildir.take_one().return_path, '<sender@example.com>',
              'Return-Path')


@test
def pipelining():
    """a whole session in one segment is answered in order"""
    with connect() as wire:
        wire.send(ENVELOPE + b'RCPT TO:<c@example.net>\r\nNOOP\r\nDATA\r\n')
        expect_ehlo(wire)
        for beginning in ('250 2.1.0 <a@', '250 2.1.5 <b@', '250 2.1.5 <c@',
                          '250 2.0.0 ', '354 '):
            wire.expect(beginning)
        wire.send(MESSAGE + b'.\r\nNOOP\r\nQUIT\r\n')
        wire.expect('250 2.6.0 ')
        wire.expect('250 2.0.0 ')
        wire.expect('221 2.0.0 ')
        wire.expect_end()
    equal(server.maildir.take_one().content, MESSAGE, 'what was stored')


@test
def octet_by_octet():
    """a session whose octets come one at a time"""
    content = b'Subject: slow\r\n\r\n.dot\r\n..\r\nend\r\n'
    stuffed = b'Subject: slow\r\n\r\n..dot\r\n...\r\nend\r\n'
    with connect() as wire:
        for octet in ENVELOPE + b'DATA\r\n' + stuffed + b'.\r\nQUIT\r\n':
            wire.send(bytes([octet]))
        expect_ehlo(wire)
        for beginning in '250 2.1.0', '250 2.1.5', '354 ', '250 2.6.0', '221 ':
            wire.expect(beginning)
        wire.expect_end()
    equal(server.maildir.take_one().content, content, 'what was stored')


@test
def behind_data():
    """everything that is sent ahead behind DATA is kept and served"""
    second = b'Subject: two\r\n\r\nsecond\r\n'
    with connect() as wire:
        wire.send(ENVELOPE + b'DATA\r\n' + MESSAGE + b'.\r\n'
                  b'MAIL FROM:<c@example.com>\r\nRCPT TO:<d@example.net>\r\n'
                  b'DATA\r\n' + second + b'.\r\nQUIT\r\n')
        expect_ehlo(wire)
        for beginning in ['250 2.1.0', '250 2.1.5', '354 ', '250 2.6.0'] * 2:
            wire.expect(beginning)
        wire.expect('221 ')
        wire.expect_end()
    stored = {m.return_path: m.content for m in server.maildir.take()}
    equal(stored, {'<a@example.com>': MESSAGE, '<c@example.com>': second},
          'what was stored')


@test
def before_banner():
    """a client that talks before the banner is served in order"""
    with connect(greet=False) as wire:
        wire.send(ENVELOPE + b'QUIT\r\n')
        wire.expect('220 ')
        expect_ehlo(wire)
        wire.expect('250 2.1.0')
        wire.expect('250 2.1.5')
        wire.expect('221 ')
        wire.expect_end()
    nothing_came()


@test
def many_commands():
    """10,000 commands in one go get 10,000 replies"""
    with connect() as wire:
        wire.greet()
        # Fewer octets than the sockets hold: nobody waits for the other.
        for _ in range(10):
            wire.send(b'NOOP\r\n' * 1000)
            for _ in range(1000):
                wire.expect('250 2.0.0 ')


@test
def refused_pipeline():
    """DATA without a recipient is refused, and its octets are commands"""
    with connect() as wire:
        wire.greet()
        wire.send(b'MAIL FROM:<a@example.com>\r\nRCPT TO:<>\r\nDATA\r\n'
                  b'NOOP\r\n')
        wire.expect('250 2.1.0')
        wire.expect('5')
        check(wire.reply()[:3] in ('503', '554'), 'the reply to DATA')
        wire.expect('250 2.0.0')
    nothing_came()


@test
def too_long():
    """a command line that is too long is one 500, then all is in step"""
    with connect() as wire:
        wire.greet()
        for size in 4097, 5000, 200000:
            wire.send(b'NOOP ' + b'x' * (size - 7) + b'\r\nRSET\r\n')
            wire.expect('500 5.')
            wire.expect('250 2.0.0')
        wire.send(b'NOOP ' + b'x' * (4096 - 7) + b'\r\nRSET\r\n')
        wire.expect('250 2.0.0')
        wire.expect('250 2.0.0')


@test
def nul():
    """a command with NUL is refused, whatever its verb"""
    with connect() as wire:
        wire.greet()
        for command in (b'NO\0OP', b'NOOP \0', b'MAIL FROM:<a\0@example.com>',
                        b'QUIT\0', b'\0', b'RSET \0'):
            wire.send(command + b'\r\n')
            wire.expect('5')
        wire.ask('NOOP', '250 2.0.0')
        wire.quit()


@test
def bare_newline_in_command():
    """a bare LF or CR does not end a command"""
    with connect() as wire:
        wire.greet()
        for newline in b'\n', b'\r':
            wire.send(b'MAIL FROM:<a@example.com>' + newline
                      + b'RCPT TO:<b@example.net>\r\n')
            wire.expect('5')
        wire.ask('RCPT TO:<b@example.net>', '503 ')


@test
def hostile_octets():
    """control and 8-bit octets never come back in a reply"""
    with connect() as wire:
        # Wire refuses a reply line that is not printable ASCII.
        for octets in (b'EHLO \x1b[31m', b'EHLO \xff\xfe', b'\x01\x02\x03',
                       b'MAIL FROM:<\xff@x>', b'HELP \x7f', b'NOOP \x1b'):
            wire.send(octets + b'\r\n')
            check(wire.reply() is not None, 'a reply to %r' % octets)
        wire.ask('EHLO ' + 'x' * 255, '250')
        local, domain = 'l' * 64, '.'.join(['d' * 60] * 4)
        # RFC 5321 §4.5.3.1.5: a reply line fits 512 octets.
        wire.ask('MAIL FROM:<%s@%s>' % (local, domain), '')


@test
def half_close():
    """a client that shut down its side gets every reply due"""
    with connect() as wire:
        wire.send(ENVELOPE + b'DATA\r\n' + MESSAGE + b'.\r\nNOOP\r\n')
        wire.half_close()
        expect_ehlo(wire)
        for beginning in '250 2.1.0', '250 2.1.5', '354 ', '250 2.6.0', '250':
            wire.expect(beginning)
        wire.expect_end()
    equal(server.maildir.take_one().content, MESSAGE, 'what was stored')


@test
def half_close_unfinished():
    """an unfinished message of a client that shut down is dropped"""
    with connect() as wire:
        wire.greet().open()
        wire.send(MESSAGE + b'.')
        wire.half_close()
        wire.expect_end()
    nothing_came()


@test
def closed_in_transaction():
    """a client that vanishes in any state leaves nothing"""
    states = [b'', b'EHLO a\r\n', ENVELOPE, ENVELOPE + b'DATA\r\n',
              ENVELOPE + b'DATA\r\n' + MESSAGE,
              ENVELOPE + b'DATA\r\n' + b'x' * 3000000]
    for octets in states:
        for leave in Wire.reset, Wire.half_close:
            wire = connect()
            with wire:
                wire.send(octets)
                leave(wire)
    with connect() as wire:
        wire.greet().ask('NOOP', '250')
        wire.quit()
    nothing_came()


@test
def reset_in_replies():
    """a reset in the middle of the replies harms nobody else"""
    with connect() as other:
        other.greet()
        for _ in range(50):
            wire = connect()
            wire.send(b'NOOP\r\n' * 2000)
            wire.expect('250 ')
            wire.reset()
        other.deliver()
        other.quit()
    equal(server.maildir.take_one().content, MESSAGE, 'what was stored')


@test
def too_many_recipients():
    """recipients over the limit get 452, the others get the mail"""
    names = ['one@example.net', 'two@example.net', 'three@example.net']
    with connect() as wire:
        wire.greet()
        wire.ask('MAIL FROM:<a@example.com>', '250 2.1.0')
        for name in names:
            wire.ask('RCPT TO:<%s>' % name, '250 2.1.5')
        wire.ask('RCPT TO:<four@example.net>', '452 4.5.3 ')
        wire.ask('RCPT TO:<five@example.net>', '452 4.5.3 ')
        wire.ask('DATA', '354 ')
        wire.send(MESSAGE + b'.\r\n')
        wire.expect('250 2.6.0')
    equal(server.maildir.take_one().delivered_to, names, 'Delivered-To')


@test
def too_many_errors():
    """the error that is one too many gets 421 and the close"""
    with Server('--max-errors', '3') as small:
        with Wire(small.port) as wire:
            wire.greet()
            wire.ask('WHAT', '500 5.5.2')
            wire.ask('NOOP', '250 ')
            wire.ask('RCPT TO:<a@example.com>', '503 5.5.1')
            equal(wire.ask('WHAT', '421 '), '421 4.7.0 Too many errors',
                  'the last reply')
            wire.expect_end()
        with Wire(small.port) as wire:
            wire.send(b'WHAT\r\n' * 100)
            wire.expect('500 ')
            wire.expect('500 ')
            wire.expect('421 4.7.0 Too many errors')
            wire.expect_end()


@test
def too_many_connections():
    """a connection that is one too many gets 421 instead of the banner"""
    with Server('--max-connections', '2') as small:
        one, two = Wire(small.port), Wire(small.port)
        with Wire(small.port, greet=False) as three:
            equal(three.reply(), '421 4.7.0 Too many connections',
                  'in place of the banner')
            three.expect_end()
        one.greet().ask('NOOP', '250')
        two.quit()

        def there_is_room():
            with Wire(small.port, greet=False) as wire:
                return wire.reply().startswith('220 ')
        until(there_is_room, 'a place that was left is free')
        one.socket.close()


def stop_server():
    """the server stops with 0 and leaves nothing in tmp"""
    server.stop()


tap.at_end(stop_server)

if __name__ == '__main__':
    tap.main()
