"""Killed at many moments under load: what was acknowledged is in the maildir,
whole, and nothing half written stands there."""

import os
import re
import tempfile
import threading

import tap
from server import Maildir, PATIENCE, Server, Stored
from tap import Failure, check, equal, test
from wire import Wire

CLIENTS = 6
KILLS = 27

# Some stay in memory, one spills to a file on its way to the maildir.
SIZES = [3, 40, 400, 4000, 100, 1, 30, 9]


def body(number):
    """The message that has this number: nothing of it could be missing, or be
    another's, without being seen."""
    lines = ['%d of message %d, %s' % (line, number, 'x' * (number % 53))
             for line in range(SIZES[number % len(SIZES)] + number % 7)]
    return ('Subject: number %d\r\n\r\n%s\r\n'
            % (number, '\r\n'.join(lines))).encode()


class Ledger:
    """What the clients did and were told. The moment of the kill is counted in
    it, so that it does not depend on the machine's speed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.acknowledged = {}
        self.told_no = []
        self.moment = None
        self.left = 0
        self.shoot = None

    def arm(self, moment, after, shoot):
        with self.lock:
            self.moment, self.left, self.shoot = moment, after, shoot

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def at(self, moment):
        """One of the clients is here; the shot is fired in its place."""
        with self.lock:
            if moment != self.moment:
                return
            self.left -= 1
            if self.left == 0:
                self.shoot()

    def acknowledge(self, number, name):
        with self.lock:
            self.acknowledged[number] = name


def deliver(wire, ledger, number):
    wire.ask('MAIL FROM:<n%d@example.com>' % number, '250 ')
    wire.ask('RCPT TO:<r%d@example.net>' % number, '250 ')
    wire.ask('DATA', '354 ')
    octets = body(number)
    wire.send(octets[:len(octets) // 2])
    ledger.at('half')
    wire.send(octets[len(octets) // 2:] + b'.\r\n')
    ledger.at('sent')
    reply = wire.reply()
    if reply is None:
        return False
    if not reply.startswith('250 2.6.0 Message queued as '):
        with ledger.lock:
            ledger.told_no.append(reply)
        return False
    ledger.acknowledge(number, reply.rsplit(' ', 1)[1])
    ledger.at('acknowledged')
    return True


def client(port, ledger):
    """Delivers until the server is gone."""
    try:
        with Wire(port) as wire:
            wire.greet()
            while deliver(wire, ledger, ledger.number()):
                pass
    except (OSError, Failure):
        pass  # The server was killed: any end is right, and the ledger holds.


def look(maildir):
    """Every file of `new` by the number of its message."""
    found = {}
    for name in maildir.names():
        with open(os.path.join(maildir.path, 'new', name), 'rb') as file:
            octets = file.read()
        stored = Stored(octets)
        mark = re.match(r'<n(\d+)@example.com>$', stored.return_path)
        check(mark, 'whose is %s: %r' % (name, stored.return_path))
        number = int(mark.group(1))
        stored.check_trace('n%d@example.com' % number,
                           ['r%d@example.net' % number], 'ESMTP')
        equal(stored.content, body(number), 'message %d in %s' % (number, name))
        check(number not in found, 'message %d stands there twice' % number)
        found[number] = name
    return found


def compare(ledger, maildir):
    """How many are there that nobody was told of: killed in between."""
    found = look(maildir)
    for number, name in ledger.acknowledged.items():
        equal(found.get(number), name, 'the file of message %d' % number)
    equal(ledger.told_no, [], 'refusals')
    return len(found) - len(ledger.acknowledged)


def round_of(path, ledger, moment, after):
    server = Server(maildir=path)
    before = len(ledger.acknowledged)
    ledger.arm(moment, after, server.process.child.kill)
    threads = [threading.Thread(target=client, args=(server.port, ledger))
               for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    check(not any(thread.is_alive() for thread in threads),
          'a client that waits for a dead server')
    equal(server.process.wait(), -9, 'how the server ended')
    server.kill()
    return len(ledger.acknowledged) - before


@test
def killed():
    """killed 27 times under load: nothing acknowledged is missing or half"""
    moments = ['acknowledged', 'sent', 'half']
    ledger = Ledger()
    untold = 0
    with tempfile.TemporaryDirectory(prefix='slimta-kill-') as folder:
        path = os.path.join(folder, 'mail')
        maildir = Maildir(path)
        for i in range(KILLS):
            round_of(path, ledger, moments[i % 3], 1 + i * 7 % 45)
            untold = compare(ledger, maildir)
        check(len(ledger.acknowledged) > KILLS, 'hardly anything was delivered')
        print('# %d acknowledged, %d stored and not acknowledged, %d left '
              'in tmp' % (len(ledger.acknowledged), untold,
                          len(maildir.names('tmp'))))
        # A file in tmp is nobody's mail. The last server leaves none.
        for name in maildir.names('tmp'):
            os.unlink(os.path.join(path, 'tmp', name))
        with Server(maildir=path) as server:
            with Wire(server.port) as wire:
                wire.greet()
                number = ledger.number()
                check(deliver(wire, ledger, number), 'the last message')
                wire.quit()
            equal(compare(ledger, maildir), untold, 'not acknowledged')


if __name__ == '__main__':
    tap.main()
