"""We stand before real mail servers: Postfix over SMTP, Dovecot over LMTP. What
they store is compared, what they refuse is what our client hears."""

import glob
import os
import re
import smtplib
import tempfile
import threading

import guide
import tap
from dovecot import Dovecot
from postfix import Postfix, mailboxes
from secure_clients import pair, trusting
from server import PATIENCE, Server
from tap import Failure, check, equal, test, until
from tools import HEAD
from web import httpd
from wire import Wire, stuff

SENDER = 'sender@example.com'
DOMAIN = 'example.net'
CONTENT = HEAD + b'\r\n.\r\n..\r\nHello.\r\n'
BIG = CONTENT + (b'.' + b'z' * 900 + b'\r\n') * 2000


def hop_postfix(*more):
    return Postfix(*mailboxes(DOMAIN, 'one', 'two'), *more)


def behind(hop, uri):
    return Server('--max-errors', '1000000', '--log-level', 'debug', queue=uri)


def stored(folder, user, count=1):
    """The messages in a maildir of the next hop."""
    path = os.path.join(folder, user, 'new', '*')
    until(lambda: len(glob.glob(path)) >= count,
          '%d messages for %s' % (count, user), PATIENCE)
    result = []
    for name in sorted(glob.glob(path)):
        with open(name, 'rb') as file:
            result.append(file.read())
    equal(len(result), count, 'messages for ' + user)
    return result


def came_through(octets, content, word):
    """Both write LF; above the content stand our Received and theirs."""
    content = content.replace(b'\r\n', b'\n')
    equal(octets[-len(content):], content, 'the content')
    head = re.sub(rb'\n[ \t]+', b' ', octets[:-len(content)])
    received = re.findall(rb'^Received: (.*)$', head, re.M)
    check(any(b'from client.example' in one and b'by mx.example.net' in one
              for one in received), 'our Received: %r' % received)
    check(any(b'from mx.example.net' in one and word in one
              for one in received), 'its Received: %r' % received)


def deliver(wire, recipients, content=CONTENT, sender=SENDER):
    """The replies to the recipients, and that to the message."""
    wire.ask('MAIL FROM:<%s>' % sender, '250 ')
    replies = []
    for recipient in recipients:
        wire.send(b'RCPT TO:<%s>\r\n' % recipient.encode())
        replies.append(wire.reply())
    if not any(reply.startswith('250 ') for reply in replies):
        wire.ask('RSET', '250 ')
        return replies, None
    wire.ask('DATA', '354 ')
    wire.send(stuff(content) + b'.\r\n')
    return replies, wire.reply()


@test
def postfix():
    """Postfix stores what we hand on, and its id is in our reply"""
    with hop_postfix() as hop, behind(hop, 'smtp://' + hop.address) as server:
        with Wire(server.port) as wire:
            wire.greet()
            for number, content in enumerate((CONTENT, BIG), 1):
                replies, reply = deliver(wire, ['one@example.net',
                                                'two@example.net'], content)
                equal([line[:4] for line in replies], ['250 '] * 2, 'RCPT')
                found = re.match(r'250 2\.6\.0 Message queued as (\w+)$', reply)
                check(found, reply)
                for user in 'one', 'two':
                    messages = stored(hop.mail, user, number)
                    whole = [octets for octets in messages
                             if found.group(1).encode() in octets]
                    equal(len(whole), 1, 'with that id for ' + user)
                    came_through(whole[0], content, b'with ESMTP')
            wire.quit()


@test
def postfix_refuses():
    """what Postfix refuses is what our client hears, in its place"""
    with hop_postfix('message_size_limit = 100000') as hop, \
            behind(hop, 'smtp://' + hop.address) as server:
        with Wire(server.port) as wire:
            wire.greet()
            replies, reply = deliver(wire, ['nobody@example.net',
                                            'one@example.net'])
            equal(replies[0].split(' ')[:2], ['550', '5.1.1'], 'nobody')
            check('User unknown' in replies[0], replies[0])
            check(reply.startswith('250 '), reply)
            replies, reply = deliver(wire, ['one@elsewhere.example'])
            equal((replies[0][:10], reply), ('550 5.1.1 ', None),
                  'another domain')
            check('nowhere to go' in replies[0], replies[0])
            replies, reply = deliver(wire, ['one@example.net'], BIG)
            equal(reply.split(' ')[:2], ['552', '5.3.4'], 'too large')
            wire.quit()
        came_through(stored(hop.mail, 'one')[0], CONTENT, b'with ESMTP')


@test
def postfix_smtputf8():
    """Postfix stores mail from and to addresses in UTF-8"""
    sender, recipient = 'jörg@bücher.example', 'žofie@example.net'
    content = HEAD.replace(b'a test', 'Grüße'.encode()) + b'\r\n\xc3\xa9\r\n'
    with Postfix(*mailboxes(DOMAIN, 'žofie')) as hop, \
            behind(hop, 'smtp://' + hop.address) as server:
        with smtplib.SMTP('127.0.0.1', server.port, timeout=PATIENCE,
                          local_hostname='client.example') as client:
            equal(client.sendmail(sender, [recipient], content,
                                  ['SMTPUTF8', 'BODY=8BITMIME']), {},
                  'refused')
        octets = stored(hop.mail, 'žofie')[0]
        came_through(octets, content, b'with UTF8SMTP')
        check(('Return-Path: <%s>\n' % sender).encode() in octets, octets)


@test
def postfix_gone():
    """no Postfix, no 250: 451 at once, and well again when it is back"""
    with hop_postfix() as hop, behind(hop, 'smtp://' + hop.address) as server:
        with Wire(server.port) as wire:
            wire.greet()
            hop.kill()
            wire.ask('MAIL FROM:<a@example.com>', '451 4.4.')
            hop.start()
            _, reply = deliver(wire, ['one@example.net'])
            check(reply.startswith('250 '), reply)
        stored(hop.mail, 'one')


def hop_dovecot():
    return Dovecot(users=['one@example.net', 'two@example.net'])


def dovecot(uri):
    with hop_dovecot() as hop, behind(hop, uri.format(hop=hop)) as server:
        with Wire(server.port) as wire:
            wire.greet()
            for number, content in enumerate((CONTENT, BIG), 1):
                replies, reply = deliver(
                    wire, ['nobody@example.net', 'one@example.net',
                           'two@example.net'], content)
                equal([line[:10] for line in replies],
                      ['550 5.1.1 ', '250 2.1.5 ', '250 2.1.5 '], 'RCPT')
                check(reply.startswith('250 2.'), reply)
                for user in 'one@example.net', 'two@example.net':
                    messages = stored(hop.mail, user, number)
                    messages.sort(key=len)
                    came_through(messages[-1], content, b'with LMTP')
            replies, _ = deliver(wire, ['nobody@example.net'])
            equal(replies[0][:10], '550 5.1.1 ', 'nobody alone')
            wire.quit()


tap.case('Dovecot stores what we hand on over LMTP, by its UNIX socket',
         dovecot, 'lmtp:unix:{hop.lmtp_path}')
tap.case('Dovecot stores what we hand on over LMTP, over TCP', dovecot,
         'lmtp://127.0.0.1:{hop.lmtp_port}')


# A chain of ours before it


@test
def chain():
    """SMTP to HTTP to SMTP to Postfix, and what it refuses all the way back"""
    with hop_postfix('message_size_limit = 100000') as hop, \
            httpd(queue='smtp://' + hop.address) as middle, \
            behind(middle, 'http://127.0.0.1:%d/' % middle.port) as server, \
            Wire(server.port) as wire:
        wire.greet()
        _, reply = deliver(wire, ['one@example.net'])
        check(re.match(r'250 2\.\d\.\d Message queued', reply), reply)
        came_through_both(stored(hop.mail, 'one')[0])
        # Over HTTP a recipient that is refused refuses the request.
        for recipients in (['nobody@example.net'],
                           ['one@example.net', 'nobody@example.net']):
            _, reply = deliver(wire, recipients)
            check(re.match(r'550 5\.1\.1 .*User unknown', reply), reply)
        _, reply = deliver(wire, ['one@example.net'], BIG)
        equal(reply[:9], '552 5.3.4', 'too large')
        hop.kill()
        _, reply = deliver(wire, ['one@example.net'])
        equal(reply[:8], '451 4.4.', 'it is gone')
        hop.start()
        _, reply = deliver(wire, ['one@example.net'])
        equal(reply[:6], '250 2.', 'it is back')
        stored(hop.mail, 'one', 2)


def came_through_both(octets):
    """Three have signed, the last on top."""
    head = re.sub(rb'\n[ \t]+', b' ', octets.split(b'\n\n')[0])
    received = re.findall(rb'^Received: (.*)$', head, re.M)
    equal([re.search(rb' by (\S+) .*?with (\w+)', one).groups()
           for one in received],
          [(b'postfix.example', b'ESMTP'), (b'mx.example.net', b'HTTP'),
           (b'mx.example.net', b'ESMTP')], 'who has signed')
    content = CONTENT.replace(b'\r\n', b'\n')
    equal(octets[-len(content):], content, 'the content')


# As the guide has it

CHAPTER = 'mail-servers.md'


def submit(server, sender, user=None):
    """As a mail reader does; what it hears of the recipient."""
    with smtplib.SMTP('127.0.0.1', server.port, timeout=PATIENCE,
                      local_hostname='client.example') as client:
        client.starttls(context=trusting())
        if user is not None:
            client.login(*user)
        client.ehlo()
        code, text = client.mail(sender)
        if code != 250:
            return code, text
        code, text = client.rcpt('one@example.net')
        if code != 250:
            return code, text
        return client.data(CONTENT)


@test
def guide_submission():
    """the guide's submission: nobody without a password, who has one does"""
    users = tempfile.NamedTemporaryFile('w')
    with users, hop_postfix(*guide.lines(CHAPTER, 'permit_mynetworks')) \
            as hop:
        users.write('me@example.com:secret\n')
        users.flush()
        given = guide.arguments(CHAPTER, '--require-auth', {
            '--listen': '*:587', '--queue': 'smtp://127.0.0.1:25',
            '--users': '/etc/slimta/users',
            '--tls-cert': '/etc/slimta/mx.pem',
            '--tls-key': '/etc/slimta/mx.key'})
        with Server(*given, *pair('server'), '--users', users.name,
                    queue='smtp://' + hop.address) as server:
            equal(submit(server, 'me@example.com')[0], 550, 'without one')
            code, text = submit(server, 'me@example.com',
                                ('me@example.com', 'secret'))
            equal(code, 250, text)
        came_through(stored(hop.mail, 'one')[0], CONTENT, b'with ESMTP')


@test
def guide_world():
    """the guide's MX: other domains are refused at RCPT"""
    with hop_postfix(*guide.lines(CHAPTER, 'reject_unauth')) as hop:
        given = guide.arguments(CHAPTER, '--max-errors', {
            '--listen': '*:25', '--queue': 'smtp://127.0.0.1:10025'})
        with Server(*given, queue='smtp://' + hop.address) as server, \
                Wire(server.port) as wire:
            wire.greet()
            replies, reply = deliver(wire, ['x@elsewhere.example',
                                            'one@example.net'])
            check(re.match(r'554 5\.7\.1 .*Relay access denied', replies[0]),
                  replies[0])
            check(reply.startswith('250 2.'), reply)
        came_through(stored(hop.mail, 'one')[0], CONTENT, b'with ESMTP')


@test
def guide_dovecot():
    """the guide's Dovecot stores what comes by its socket"""
    path = '/run/dovecot/slimta-lmtp'
    guide.arguments(CHAPTER, 'lmtp:unix:/run/dov', {
        '--listen': '*:25', '--queue': 'lmtp:unix:' + path})
    with tempfile.TemporaryDirectory(prefix='slimta-e2e-') as folder:
        os.chmod(folder, 0o755)
        own = folder + '/lmtp'
        more = guide.block(CHAPTER, 'unix_listener').replace(path, own)
        with Dovecot(users=['one@example.net'], more=more) as hop, \
                Server(queue='lmtp:unix:' + own) as server, \
                Wire(server.port) as wire:
            equal(os.stat(own).st_mode & 0o777, 0o660, 'its mode')
            wire.greet()
            _, reply = deliver(wire, ['one@example.net'])
            check(reply.startswith('250 2.'), reply)
            came_through(stored(hop.mail, 'one@example.net')[0], CONTENT,
                         b'with LMTP')


@test
def guide_behind():
    """the guide's Postfix hands mail to an LMTP server of ours"""
    path = '/run/slimta/lmtp'
    given = guide.arguments(CHAPTER, '--lmtp', {
        '--listen': 'unix:' + path, '--queue': 'maildir:/var/mail/in'})
    with Server(*given, listen=['unix:{folder}/lmtp']) as server:
        own = server.addresses[0].split(':', 1)[1]
        # Postfix's client is another user.
        os.chmod(server.folder, 0o755)
        os.chmod(own, 0o666)
        main = [line.replace(path, own)
                for line in guide.lines(CHAPTER, 'virtual_transport')]
        with Postfix(*main) as hop, \
                smtplib.SMTP('127.0.0.1', hop.port, timeout=PATIENCE) as one:
            equal(one.sendmail(SENDER, ['x@example.net'], CONTENT), {}, '')
            until(lambda: server.maildir.names(), 'it is stored', PATIENCE)
        server.maildir.take_one().check_trace(
            SENDER, ['x@example.net'], 'LMTP', 'postfix.example')


# Killed under load

CLIENTS = 4
ROUNDS = 3
MESSAGES = 25  # acknowledged ones before each shot


class Ledger:
    """What clients were told of their numbered messages."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.yes = set()
        self.no = {}
        self.over = False

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def note(self, number, reply):
        with self.lock:
            if reply.startswith('250 '):
                self.yes.add(number)
            else:
                self.no[number] = reply

    def count(self):
        with self.lock:
            return len(self.yes)


def numbered(number):
    return CONTENT + b'number %d.\r\n' % number


def load(server, ledger, address):
    """Hands in messages until it is over; whatever ends a session, another one
    begins."""
    while not ledger.over:
        with Wire(server.port) as wire:
            wire.greet()
            while not ledger.over:
                number = ledger.number()
                wire.send(b'MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n' % (
                    SENDER.encode(), address.encode()))
                replies = [wire.reply() for _ in range(3)]
                if replies[2] is None or replies[2][:3] != '354':
                    ledger.note(number, next(
                        reply for reply in replies + ['nothing']
                        if reply is not None and reply[0] != '2'))
                    wire.ask('RSET', '250 ')
                    # Others want the processor too, to start the hop.
                    threading.Event().wait(0.05)
                    continue
                wire.send(stuff(numbered(number)) + b'.\r\n')
                ledger.note(number, wire.reply() or 'nothing')


def numbers_in(folder, user):
    """Of the messages that the hop has taken. It may store one twice that it
    was writing when it was killed: that is one by the id it gave."""
    found = set()
    for name in glob.glob(os.path.join(folder, user, '[nc]*', '*')):
        with open(name, 'rb') as file:
            octets = file.read()
        number = re.search(rb'\nnumber (\d+)\.\n\Z', octets)
        if number is None:
            raise Failure('a message that is not whole: ' + name)
        taken = re.search(rb'\sid (\S+)\s', octets)
        found.add((int(number.group(1)), taken.group(1)))
    return [number for number, _ in found]


def killed(hop, uri, user, folder, settled):
    """The hop is killed with -9 again and again while clients deliver."""
    ledger = Ledger()
    failures = []

    def client():
        try:
            load(server, ledger, 'one@example.net')
        except BaseException as failure:  # noqa: told by the test
            failures.append(failure)
            ledger.over = True

    with behind(hop, uri) as server:
        threads = [threading.Thread(target=client, daemon=True)
                   for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for _ in range(ROUNDS):
            before = ledger.count()
            until(lambda: ledger.over or ledger.count() >= before + MESSAGES,
                  'messages go through', PATIENCE)
            hop.kill()
            refused = len(ledger.no)
            until(lambda: ledger.over or len(ledger.no) > refused,
                  'the clients hear of it', PATIENCE)
            hop.start()
        ledger.over = True
        for thread in threads:
            thread.join(PATIENCE)
        if failures:
            raise failures[0]
        until(settled, 'the hop has stored what it has', PATIENCE)
        judge(ledger, numbers_in(folder, user), server.process.errors())


def judge(ledger, numbers, log):
    """Each 250 is stored, once; what else is stored was an open question."""
    equal(len(numbers), len(set(numbers)), 'messages that are there twice')
    equal(sorted(ledger.yes - set(numbers)), [], 'acknowledged and missing')
    check(ledger.no, 'nothing was refused: the shot hit nobody')
    for number, reply in ledger.no.items():
        check(reply.startswith('451 4.'), '%d: %s'
              % (number, reply))
    more = set(numbers) - ledger.yes
    unknown = len(re.findall(r' unknown_commit ', log))
    check(len(more) <= unknown, '%d were stored without a 250, %d unknown'
          % (len(more), unknown))


@test
def postfix_killed():
    """kill -9 of Postfix under load: every 250 is stored"""
    with hop_postfix() as hop:
        killed(hop, 'smtp://' + hop.address, 'one', hop.mail,
               lambda: hop.queued() == 0)


@test
def dovecot_killed():
    """kill -9 of Dovecot under load: every 250 is stored"""
    with hop_dovecot() as hop:
        killed(hop, 'lmtp:unix:' + hop.lmtp_path, 'one@example.net', hop.mail,
               lambda: True)


if __name__ == '__main__':
    tap.main()
