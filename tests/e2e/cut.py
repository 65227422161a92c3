"""The peer is cut off at every octet of a session: the server lives, leaks no
descriptor, and stores the message whole or not at all."""

import os

import tap
from server import PATIENCE, Server
from tap import check, equal, until
from wire import Wire

# How many connections are cut before the server is looked at.
TOGETHER = 20

MESSAGE = b'Subject: cut\r\n\r\none\r\n..\r\ntwo\r\n'
STORED = b'Subject: cut\r\n\r\none\r\n.\r\ntwo\r\n'
RECIPIENTS = ['b@example.net', 'c@example.net']


def session(number):
    """What the client says, and the reply that it waits for after each."""
    return [(b'', '220 '), (b'EHLO client.example\r\n', '250-'),
            (b'MAIL FROM:<n%03d@example.com>\r\n' % number, '250 2.1.0 '),
            (b'RCPT TO:<b@example.net>\r\n', '250 2.1.5 '),
            (b'RCPT TO:<c@example.net>\r\n', '250 2.1.5 '),
            (b'DATA\r\n', '354 '), (MESSAGE + b'.\r\n', '250 2.6.0 '),
            (b'QUIT\r\n', '221 ')]


LENGTH = sum(len(octets) for octets, _ in session(0))
END = LENGTH - len(b'QUIT\r\n')


def close(wire):
    wire.socket.close()


def half_close(wire):
    """The sending side only, and then the rest is read."""
    wire.half_close()
    while wire.reply() is not None:
        pass
    wire.socket.close()


def in_step(wire, number):
    """The first `number` octets, each reply awaited but the last."""
    left = number
    for octets, reply in session(number):
        wire.send(octets[:left])
        if left < len(octets):
            return
        left -= len(octets)
        if left == 0:
            return
        wire.expect(reply)


def at_once(wire, number):
    """The first `number` octets in one piece, no reply awaited."""
    wire.send(b''.join(octets for octets, _ in session(number))[:number])


def descriptors(server):
    return len(os.listdir('/proc/%d/fd' % server.process.child.pid))


def look(server, stored, cut, sure):
    """What of the sessions that were cut at these octets has been stored:
    nothing that was not whole, and certainly those from `sure` on."""
    check(server.process.child.poll() is None, 'the server has died')
    for message in server.maildir.take():
        sender = message.return_path
        check(sender not in stored, '%s stands there twice' % sender)
        check(int(sender[2:5]) >= END, 'cut before the end: %s' % sender)
        equal(message.content, STORED, 'what was stored')
        equal(message.delivered_to, RECIPIENTS, 'Delivered-To')
        stored.add(sender)
    for number in cut:
        if sure is not None and number >= sure:
            check('<n%03d@example.com>' % number in stored,
                  'lost when cut at octet %d' % number)


def cut_together(server, numbers, speak, cut):
    for number in numbers:
        wire = Wire(server.port, greet=False)
        speak(wire, number)
        cut(wire)
    # Those before it have been accepted when this one is served.
    with Wire(server.port) as wire:
        wire.greet().quit()


def cut_everywhere(speak, cut, sure):
    with Server() as server:
        stored = set()
        before = descriptors(server)
        for first in range(0, LENGTH + 1, TOGETHER):
            numbers = range(first, min(first + TOGETHER, LENGTH + 1))
            cut_together(server, numbers, speak, cut)
            until(lambda: descriptors(server) == before,
                  'the descriptors of dead sessions are closed', PATIENCE)
            until(lambda: not server.maildir.names('tmp'), 'an empty tmp')
            look(server, stored, numbers, sure)
        with Wire(server.port) as wire:
            wire.greet().deliver()
            wire.quit()


for name, speak, cut, sure in [
        ('closed at each octet, replies awaited', in_step, close, END + 1),
        ('reset at each octet, replies awaited', in_step, Wire.reset, END + 1),
        ('half closed at each octet, replies awaited', in_step, half_close,
         END),
        ('half closed at each octet, all sent at once', at_once, half_close,
         END),
        # Without a reply nothing is promised: the end may overtake the rest.
        ('closed at each octet, all sent at once', at_once, close, None),
        ('reset at each octet, all sent at once', at_once, Wire.reset, None)]:
    tap.case(name, cut_everywhere, speak, cut, sure)


if __name__ == '__main__':
    tap.main()
