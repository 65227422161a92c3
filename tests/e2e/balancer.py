"""A real HAProxy on loopback, in front of something that receives mail."""

import csv
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

from server import PATIENCE
from tap import Skip, check, until

HAPROXY = shutil.which('haproxy',
                       path=os.environ.get('PATH', '') + ':/usr/sbin')

GUIDE = pathlib.Path(__file__).parent / '../../docs/guide'


def guide_configuration(chapter='balancer.md'):
    return re.search(r'```\n(global\n.*?)```', (GUIDE / chapter).read_text(),
                     re.S).group(1)


def configuration(bind, lines):
    """The guide's, with another `bind` and other lines about the servers, and
    no more descriptors than any machine gives."""
    kept = [line for line in guide_configuration().split('\n')
            if not re.match(r' +(bind|maxconn|option|server) ', line)]
    kept.insert(1, '    maxconn 100')
    return '\n'.join(kept + ['    ' + line for line in [bind] + lines]) + '\n'


def check_configuration(text):
    if HAPROXY is None:
        raise Skip('no haproxy')
    with tempfile.NamedTemporaryFile('w') as file:
        file.write(text)
        file.flush()
        done = subprocess.run([HAPROXY, '-c', '-f', file.name],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE)
    said = done.stdout.decode()
    check(done.returncode == 0 and 'WARNING' not in said, said)


class Balancer:
    """HAProxy before 127.0.0.1:`port`, for as long as the `with` block. It
    listens on a socket that is made here, so that its port is nobody's else.
    `server` is the end of its `server` line, `bind` that of `bind`, `more` is
    another line; {folder} in these is a folder with what is in `files`."""

    def __init__(self, port, server, bind='', more='', files=None,
                 host='127.0.0.1'):
        if HAPROXY is None:
            raise Skip('no haproxy')
        self.folder = tempfile.mkdtemp(prefix='slimta-haproxy-')
        self.child = None
        self.socket = socket.socket(
            socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.socket.bind((host, 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.address = host, self.port
        texts = [text.format(folder=self.folder)
                 for text in (server, bind, more)]
        config = configuration(
            'bind fd@%d %s' % (self.socket.fileno(), texts[1]),
            [texts[2], 'server mx 127.0.0.1:%d %s' % (port, texts[0])])
        config = config.replace(
            'global\n', 'global\n    stats socket %s/stats\n' % self.folder, 1)
        for name, octets in dict(files or {}, config=config.encode()).items():
            with open(os.path.join(self.folder, name), 'wb') as file:
                file.write(octets)

    def __enter__(self):
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.child = subprocess.Popen(
                [HAPROXY, '-db', '-f', os.path.join(self.folder, 'config')],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[self.socket.fileno()])
        self.socket.close()
        return self

    def said(self):
        with open(os.path.join(self.folder, 'log')) as log:
            return log.read()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for line in self.said().split('\n')[-20:]:
                print('# haproxy: ' + line)
        self.child.kill()
        self.child.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_for_check(self, claim):
        """Until its own look at the server has come to something."""
        until(claim, 'the check of haproxy', PATIENCE)

    def check_status(self):
        """What its last look at the server has come to, as L4OK; '' before
        HAProxy has begun."""
        with socket.socket(socket.AF_UNIX) as stats:
            try:
                stats.connect(os.path.join(self.folder, 'stats'))
            except (FileNotFoundError, ConnectionRefusedError):
                return ''
            stats.sendall(b'show stat\n')
            with stats.makefile() as lines:
                rows = csv.DictReader(lines)
                return next(row['check_status'] for row in rows
                            if row['svname'] == 'mx')
