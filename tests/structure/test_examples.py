"""The examples do what they say, and the lines that are printed work."""

import contextlib
import pathlib
import re
import signal
import smtplib
import subprocess
import tempfile

import tap
from project import BUILD, SOURCE
from tap import check, equal

EXAMPLES = BUILD / 'examples'
MESSAGE = b'Subject: hello\r\n\r\nHello.\r\n'


@contextlib.contextmanager
def running(program, *arguments, folder='.'):
    """The program, when it listens, and its port; it is ended afterwards."""
    child = subprocess.Popen(
        [EXAMPLES / program, *arguments], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    with child:
        try:
            line = child.stderr.readline()
            found = re.fullmatch(r'listening on 127\.0\.0\.1:(\d+)\n', line)
            check(found, 'it said %r' % line)
            yield child, int(found.group(1))
        finally:
            child.terminate()
            child.wait(30)


@tap.test
def own_queue():
    """own_queue prints each message and names it"""
    with running('own_queue', '0') as (child, port):
        with smtplib.SMTP('127.0.0.1', port, timeout=30) as client:
            client.ehlo()
            client.mail('you@example.com')
            client.rcpt('a@example.org')
            client.rcpt('b@example.org')
            code, text = client.data(MESSAGE)
        equal((code, text), (250, b'2.6.0 Message queued as own-1'), 'reply')
        said = [child.stdout.readline() for _ in range(4)]
    equal(said, ['from <you@example.com>\n', 'to <a@example.org>\n',
                 'to <b@example.org>\n', '%d octets\n' % len(MESSAGE)],
          'output')


def curl_line(name, pattern):
    text = (SOURCE / name).read_text()
    found = re.search(pattern, text, re.M | re.S)
    check(found, 'no curl line in %s' % name)
    return found.group()


def deliver(command):
    """Gives the shell the line, with another port, and looks for the mail."""
    with tempfile.TemporaryDirectory() as folder:
        with running('slimta-smtpd', '--listen', '127.0.0.1:0',
                     folder=folder) as (child, port):
            subprocess.run(['sh', '-ec', command.replace(':2525',
                                                         ':%d' % port)],
                           check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60)
            child.send_signal(signal.SIGINT)
            equal(child.wait(30), 0, 'exit')
        stored = list((pathlib.Path(folder) / 'mail/new').iterdir())
        equal(len(stored), 1, 'messages')
        check(stored[0].read_bytes().endswith(MESSAGE), 'another message')


@tap.test
def line_of_dev_run():
    """the curl line of ./dev run delivers a mail to ./mail"""
    deliver(curl_line('dev', r'printf .Subject[^\n]*2525$'))


@tap.test
def line_of_the_manual():
    """the manual's curl lines deliver a mail"""
    lines = curl_line('docs/man/slimta-smtpd.1', r'^printf .Subject.*?2525$')
    deliver(lines.replace('\\e', '\\'))


tap.main()
