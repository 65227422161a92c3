"""Starts a demo server, reads what it stored, and stops it strictly."""

import email.utils
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from tap import Failure, check, equal, until

PROGRAM = os.environ.get('SLIMTA_SMTPD', 'slimta-smtpd')
HTTPD = os.environ.get('SLIMTA_HTTPD', 'slimta-httpd')
HOSTNAME = 'mx.example.net'

# How long anything may take before a test that hangs is called one.
PATIENCE = 40

_COMPLAINT = re.compile(
    r'(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:')


def environment(extra=None):
    """The child's: sanitizers stop it at the first complaint."""
    result = dict(os.environ)
    for name in 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS':
        result[name] = ':'.join(filter(None, [
            'halt_on_error=1:print_stacktrace=1', os.environ.get(name)]))
    result.update(extra or {})
    return result


class Process:
    """The program, its errors read as they come."""

    def __init__(self, arguments, env=None, prefix=(), program=PROGRAM, **how):
        self.arguments = list(arguments)
        self.lines = []
        self.news = threading.Condition()
        self.over = False
        try:
            self.child = subprocess.Popen(
                list(prefix) + [program] + self.arguments,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=environment(env), **how)
        except FileNotFoundError:
            raise Failure('%s is missing: build it, or set SLIMTA_SMTPD or '
                          'SLIMTA_HTTPD' % program)
        self.out = b''
        self.readers = [threading.Thread(target=self._read_errors),
                        threading.Thread(target=self._read_out)]
        for reader in self.readers:
            reader.daemon = True
            reader.start()

    def _read_out(self):
        with self.child.stdout as stdout:
            self.out = stdout.read()

    def _read_errors(self):
        with self.child.stderr as stderr:
            for line in stderr:
                with self.news:
                    self.lines.append(line.decode('utf-8', 'replace').rstrip())
                    self.news.notify_all()
        with self.news:
            self.over = True
            self.news.notify_all()

    def errors(self):
        with self.news:
            return '\n'.join(self.lines)

    def wait(self):
        """The exit status, when all that it said was read."""
        try:
            status = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Failure('it does not end:\n' + self.errors())
        for reader in self.readers:
            reader.join(PATIENCE)
        if _COMPLAINT.search(self.errors()):
            raise Failure('a sanitizer complains:\n' + self.errors())
        return status


class Stored:
    """One file of the maildir, its trace lines taken apart."""

    def __init__(self, octets, end=b'\r\n'):
        self.return_path, rest = self._field(octets, b'Return-Path: ', end)
        self.delivered_to = []
        while rest.startswith(b'Delivered-To: '):
            value, rest = self._field(rest, b'Delivered-To: ', end)
            self.delivered_to.append(value)
        self.wishes = []
        while rest.startswith(b'X-Slimta-'):
            value, rest = self._field(rest, b'X-Slimta-', end)
            self.wishes.append(value)
        value, rest = self._field(rest, b'Received: ', end)
        while rest[:1] in (b' ', b'\t'):
            line, rest = rest.split(end, 1)
            value += ' ' + line.decode().strip()
        self.received = value
        self.content = rest

    @staticmethod
    def _field(octets, name, end):
        if not octets.startswith(name):
            raise Failure('%r does not stand where %r does'
                          % (name, octets[:80]))
        line, rest = octets[len(name):].split(end, 1)
        return line.decode(), rest

    def check_trace(self, sender, recipients, protocol=None, helo=None):
        equal(self.return_path, '<%s>' % sender, 'Return-Path')
        equal(self.delivered_to, list(recipients), 'Delivered-To')
        received = self.received
        check(received.startswith('from '), 'Received has no from: ' + received)
        if helo is not None:
            equal(received.split()[1], helo, 'the name in Received')
        check(' by %s ' % HOSTNAME in received,
              'Received has no by %s: %s' % (HOSTNAME, received))
        if protocol is not None:
            # A client may say SMTPUTF8 for what would not need it.
            names = {protocol, protocol.replace('ESMTP', 'UTF8SMTP')}
            check(any(' with %s ' % name in received for name in names),
                  'Received has no with %s: %s' % (protocol, received))
        # RFC 5321 §7.6: several recipients are not told of each other.
        wanted = [' for <%s>' % recipients[0]] if len(recipients) == 1 else []
        equal(re.findall(r' for <[^>]*>', received), wanted,
              'for in Received: ' + received)
        date = received.rsplit(';', 1)[-1].strip()
        check(email.utils.parsedate_tz(date) is not None,
              'the date in Received: ' + date)


class Maildir:
    def __init__(self, path, end=b'\r\n'):
        self.path = path
        self.end = end
        self.taken = set()

    def names(self, folder='new'):
        try:
            return set(os.listdir(os.path.join(self.path, folder)))
        except FileNotFoundError:
            return set()

    def take(self):
        """The messages that came since the last time, as files stand."""
        names = sorted(self.names() - self.taken)
        self.taken.update(names)
        result = []
        for name in names:
            with open(os.path.join(self.path, 'new', name), 'rb') as file:
                result.append(Stored(file.read(), self.end))
        return result

    def take_one(self):
        messages = self.take()
        equal(len(messages), 1, 'how many messages came')
        return messages[0]


class Server:
    """A running server; leaving the `with` block stops it and demands that it
    ends with 0, without a complaint, and with an empty `tmp`."""

    def __init__(self, *arguments, listen=('127.0.0.1:0',), queue=None,
                 maildir=None, **process):
        self.folder = tempfile.mkdtemp(prefix='slimta-e2e-')
        path = maildir or os.path.join(self.folder, 'mail')
        is_lf = queue is not None and queue.endswith('newlines=lf')
        self.maildir = Maildir(path, b'\n' if is_lf else b'\r\n')
        listen = [name.format(folder=self.folder) for name in listen]
        options = ['--hostname', HOSTNAME, '--queue',
                   (queue or 'maildir:{}').format(path)]
        for name in listen:
            options += ['--listen', name]
        self.process = None
        self.addresses = []
        try:
            self.process = Process(options + list(arguments), **process)
            self._wait_until_ready(len(listen))
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, count):
        process = self.process

        def ready():
            self.addresses = [line.split('listening on ', 1)[1].strip()
                              for line in process.lines
                              if 'listening on ' in line]
            return len(self.addresses) >= count or process.over
        with process.news:
            done = process.news.wait_for(ready, PATIENCE)
        if not done or len(self.addresses) < count:
            raise Failure('it is not ready:\n' + process.errors())

    @property
    def port(self):
        return self.port_of(0)

    def port_of(self, index):
        return int(self.addresses[index].rsplit(':', 1)[1])

    def signal(self, number=signal.SIGTERM):
        self.process.child.send_signal(number)

    def stop(self):
        if self.process is None:
            return
        if self.process.child.poll() is None:
            self.signal()
        process, self.process = self.process, None
        status = process.wait()
        tmp = self.maildir.names('tmp')
        shutil.rmtree(self.folder, ignore_errors=True)
        if status != 0:
            raise Failure('it ended with %d:\n%s' % (status, process.errors()))
        equal(tmp, set(), 'what is left in tmp')

    def wait_for_end(self):
        """The server ends by itself after a signal; its files stay."""
        until(lambda: self.process.child.poll() is not None,
              'the end of the server', PATIENCE)

    def kill(self):
        if self.process is not None and self.process.child.poll() is None:
            self.process.child.kill()
            self.process.child.wait()
        self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        # The test has failed already: what the server said may tell why.
        process = self.process
        if process is not None:
            for line in process.errors().split('\n')[-30:]:
                print('# server: ' + line)
        self.kill()


def run(*arguments, **how):
    """Runs the program to its end: exit status, output, errors."""
    process = Process(arguments, **how)
    status = process.wait()
    return status, process.out.decode(), process.errors()


def make_user(name, password, program=PROGRAM):
    """The line for a file of users that --make-user prints."""
    done = subprocess.run([program, '--make-user', name], env=environment(),
                          input=password.encode() + b'\n',
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal((done.returncode, done.stderr), (0, b''), 'exit and complaints')
    return done.stdout.decode()
