"""A disk that is full or refuses: the mail stays with the client."""

import os
import resource
import signal
import subprocess
import tempfile

import tap
from server import Server
from tap import Skip, check, equal, test
from wire import MESSAGE, Wire

LARGE = b'Subject: large\r\n\r\n' + (b'x' * 98 + b'\r\n') * 2000


def refuse(wire, content, beginning):
    wire.open()
    wire.send(content + b'.\r\n')
    wire.expect(beginning)


def whole(server, count):
    """Everything in `new` is whole, and there are `count` of them."""
    messages = server.maildir.take()
    equal(len(messages), count, 'messages')
    for message in messages:
        check(message.content in (LARGE, MESSAGE), 'half a message')
    equal(server.maildir.names('tmp'), set(), 'what is left in tmp')


class SmallDisk:
    """A file system of 1 MB."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix='slimta-disk-')
        done = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'slimta-e2e',
             self.folder.name], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode != 0:
            self.folder.cleanup()
            raise Skip('mount needs root: the file size limit is tested')
        return self.folder.name

    def __exit__(self, *_):
        subprocess.run(['umount', self.folder.name], check=True)
        self.folder.cleanup()


def fill(wire):
    """Delivers until there is no room; returns how many fitted."""
    for count in range(100):
        wire.open()
        wire.send(LARGE + b'.\r\n')
        reply = wire.reply()
        if not reply.startswith('250 '):
            check(reply.startswith('452 4.3.1 '), reply)
            return count
    raise tap.Failure('20 MB fit into 1 MB')


@test
def full_disk():
    """a full disk is 452 4.3.1, and the service goes on when there is space
    """
    with SmallDisk() as folder:
        with Server(maildir=os.path.join(folder, 'mail')) as server:
            with Wire(server.port) as wire:
                count = fill(wire.greet())
                check(count >= 3, '%d messages of 200 KB in 1 MB' % count)
                whole(server, count)
                refuse(wire, LARGE, '452 4.3.1 ')
                for name in server.maildir.names():
                    os.unlink(os.path.join(folder, 'mail', 'new', name))
                wire.deliver(LARGE)
                whole(server, 1)
                wire.quit()


def limit_files(server, size):
    hard = resource.prlimit(server.process.child.pid,
                            resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.child.pid, resource.RLIMIT_FSIZE,
                     (size, hard))


@test
def file_size_limit():
    """a file that may not grow is 452 4.3.1, and the service goes on"""
    # The signal is ignored as a supervisor would have it.
    with Server(preexec_fn=lambda: signal.signal(signal.SIGXFSZ,
                                                 signal.SIG_IGN),
                restore_signals=False) as server:
        with Wire(server.port) as wire:
            wire.greet()
            limit_files(server, 100000)
            refuse(wire, LARGE, '452 4.3.1 ')
            refuse(wire, LARGE, '452 4.3.1 ')
            whole(server, 0)
            wire.deliver(MESSAGE)
            whole(server, 1)
            limit_files(server, resource.RLIM_INFINITY)
            wire.deliver(LARGE)
            whole(server, 1)
            wire.quit()


def without(name, breaks):
    """The maildir is broken while the server runs, then mended."""
    with Server() as server:
        path = os.path.join(server.maildir.path, name)
        with Wire(server.port) as wire:
            wire.greet().deliver()
            whole(server, 1)
            os.rename(path, path + '.away')
            if breaks:
                with open(path, 'w'):
                    pass
            refuse(wire, MESSAGE, '451 4.3.0 ')
            refuse(wire, LARGE, '451 4.3.0 ')
            if breaks:
                os.unlink(path)
            os.rename(path + '.away', path)
            whole(server, 0)
            wire.deliver()
            whole(server, 1)
            wire.quit()


for folder_name in 'tmp', 'new':
    tap.case('%s is a file: 451 4.3.0, and the service goes on' % folder_name,
             without, folder_name, True)


@test
def unwritable():
    """a directory without write permission is 451 4.3.0"""
    if os.geteuid() == 0:
        raise Skip('root may write everywhere')
    with Server() as server:
        with Wire(server.port) as wire:
            wire.greet()
            for name in 'tmp', 'new':
                path = os.path.join(server.maildir.path, name)
                os.chmod(path, 0o500)
                refuse(wire, MESSAGE, '451 4.3.0 ')
                os.chmod(path, 0o700)
                wire.deliver()
                whole(server, 1)
            wire.quit()


@test
def full_disk_pipelined():
    """after a refusal the same session stays in step"""
    with Server() as server:
        path = os.path.join(server.maildir.path, 'tmp')
        os.rename(path, path + '.away')
        with open(path, 'w'):
            pass
        with Wire(server.port) as wire:
            wire.greet()
            wire.send(b'MAIL FROM:<a@example.com>\r\n'
                      b'RCPT TO:<b@example.net>\r\nDATA\r\n' + MESSAGE
                      + b'.\r\nNOOP\r\nQUIT\r\n')
            for beginning in ('250 2.1.0', '250 2.1.5', '354', '451 4.3.0',
                              '250 2.0.0', '221'):
                wire.expect(beginning)
            wire.expect_end()
        os.unlink(path)
        os.rename(path + '.away', path)
        whole(server, 0)


if __name__ == '__main__':
    tap.main()
