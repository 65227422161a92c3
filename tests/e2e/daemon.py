"""Real mail servers of Debian's, each in a folder of its own on loopback.

They are not installed for it: `./dev` unpacks a package beside the build and
writes `in-PACKAGE`, a command that shows it to one program in its place under
/usr. A package that is installed is used where it is; nothing outside of the
folder is read or written but its programs."""

import os
import shutil
import signal
import subprocess
import tempfile

from server import PATIENCE
from tap import Failure, Skip, check, until

HEARD = 40  # lines of a log that are shown when a test fails


def inside(package, program):
    """What stands before `program`, an absolute path, so that it runs."""
    if os.geteuid() != 0:
        raise Skip('%s must be started by root' % package)
    shown = shutil.which('in-' + package)
    if shown is not None:
        if subprocess.run([shown, 'true'], stderr=subprocess.DEVNULL,
                          timeout=PATIENCE).returncode != 0:
            raise Skip('%s cannot be mounted here' % package)
        return [shown]
    if not os.path.exists(program):
        raise Skip('no %s' % package)
    return []


class Daemon:
    """One server and its children, for as long as the `with` block. All of
    them are one process group, which is all that is ever signalled."""

    package = None
    program = None

    def __init__(self):
        self.before = inside(self.package, self.program)
        self.folder = tempfile.mkdtemp(prefix='slimta-%s-' % self.package)
        # Its own users have to come through.
        os.chmod(self.folder, 0o755)
        self.log = self.path('log')
        self.child = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), 'w') as file:
            file.write(text)

    def make_folder(self, name, user=None, mode=0o755):
        path = self.path(name)
        os.mkdir(path)
        os.chmod(path, mode)
        if user is not None:
            shutil.chown(path, user)
        return path

    def command(self):
        """The words after the program's name."""
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def start(self):
        with open(self.path('output'), 'ab') as output:
            self.child = subprocess.Popen(
                self.before + [self.program] + self.command(),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, cwd=self.folder)
        until(self._has_started, '%s is ready' % self.package, PATIENCE)

    def _has_started(self):
        check(self.child.poll() is None, '%s ended with %s'
              % (self.package, self.child.poll()))
        return self.is_ready()

    def _signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self):
        """All of it at once, as when the machine fails."""
        self._signal(signal.SIGKILL)
        self._wait_for_all()

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure('%s does not end' % self.package)
        self._wait_for_all()

    def _wait_for_all(self):
        self.child.wait(PATIENCE)
        until(lambda: not self._signal(0), 'the children of %s end'
              % self.package, PATIENCE)
        self.child = None

    def said(self):
        """What it has logged, and printed before it could."""
        result = ''
        for name in 'log', 'output':
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors='replace') as file:
                    result += file.read()
        return result

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self._tell()
            self._leave()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self._tell()
            self._leave()
            return
        try:
            if self.child is not None:
                self.stop()
        finally:
            self._leave()

    def _tell(self):
        for line in self.said().rstrip('\n').split('\n')[-HEARD:]:
            print('# %s: %s' % (self.package, line))

    def _leave(self):
        if self.child is not None:
            self.kill()
        shutil.rmtree(self.folder)
