"""What tests of slimta-httpd share: requests by curl and octet by octet."""

import base64
import subprocess

from server import HTTPD, PATIENCE, Server
from tap import check, equal
from tools import HEAD, tool
from wire import Wire

SENDER = 'you@example.com'
RECIPIENT = 'friend@example.org'
MESSAGE = HEAD + b'\r\nHello.\r\n.\r\n..two\r\n\x00\xff'
ACCEPTED = '250; message="2.6.0 Message accepted for delivery"'


def httpd(*arguments, **how):
    return Server(*arguments, program=HTTPD, **how)


def encoded(address):
    return base64.b64encode(address.encode()).decode()


class Answer:
    """What curl has printed with -i, of the last response."""

    def __init__(self, text):
        heads = text.decode('latin-1').split('\r\n\r\n')
        while heads[1].startswith('HTTP/1.1 '):
            heads.pop(0)
        lines = heads[0].split('\r\n')
        self.status = int(lines[0].split()[1])
        self.fields = {name.lower(): value for name, value in
                       (line.split(': ', 1) for line in lines[1:])}
        equal(len(self.fields), len(lines) - 1, 'names of %r' % lines)
        self.reply = self.fields.get('x-smtp-reply')
        self.body = '\r\n\r\n'.join(heads[1:])
        self.said = ''

    def is_(self, status, reply):
        equal((self.status, self.reply), (status, reply), 'the answer')


def curl(*arguments, stdin=None):
    done = subprocess.run(
        [tool('curl', 'curl'), '-sSi', '--noproxy', '*', '--max-time',
         str(PATIENCE)] + list(arguments), input=stdin, timeout=2 * PATIENCE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(done.returncode, 0, 'the exit of curl: %r' % done.stderr)
    answer = Answer(done.stdout)
    answer.said = done.stderr.decode('latin-1')
    return answer


def fields_of(sender, recipients):
    """What a request says of its mail; `sender` None: nothing."""
    fields = [('Content-Type', 'message/rfc822'), ('X-Ehlo', 'client.example')]
    fields += [('X-Envelope-Recipient', encoded(r)) for r in recipients]
    if sender is not None:
        fields.append(('X-Envelope-Sender', encoded(sender)))
    return fields


def words_of(fields):
    """The same for curl, which wants a semicolon where nothing follows."""
    return [word for name, value in fields for word in (
        '-H', '%s: %s' % (name, value) if value else name + ';')]


def post(server, *arguments, message=MESSAGE, sender=SENDER,
         recipients=(RECIPIENT,), scheme='http', where=None, path='/'):
    """One message; what stands in `arguments` is curl's."""
    where = where or '127.0.0.1:%d' % server.port
    return curl(*words_of(fields_of(sender, recipients)), '--data-binary', '@-',
                *arguments, '%s://%s%s' % (scheme, where, path), stdin=message)


HEADERS = (b'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: message/rfc822\r\n'
           b'X-Envelope-Sender: ' + encoded(SENDER).encode() + b'\r\n'
           b'X-Envelope-Recipient: ' + encoded(RECIPIENT).encode() + b'\r\n'
           b'Content-Length: %d\r\n' % len(MESSAGE))


class Raw(Wire):
    """A connection of which a test says each octet."""

    def __init__(self, where):
        super().__init__(where, greet=False)

    def answer(self):
        """The head of a response; its body has no octets."""
        lines = []
        while not lines or lines[-1]:
            lines.append(self.line())
            check(lines[-1] is not None, 'half a response: %r' % lines)
        return Answer('\r\n'.join(lines).encode() + b'\r\n')
