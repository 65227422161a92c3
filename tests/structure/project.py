"""Where things are: the sources, and an optimised build that is installed."""

import fcntl
import os
import pathlib
import shlex
import subprocess

from tap import Failure

SOURCE = pathlib.Path(os.environ['SOURCE_ROOT'])
BUILD = pathlib.Path(os.environ['BUILD_ROOT'])
RELEASE = BUILD / 'release'
PREFIX = BUILD / 'release-prefix'
CC = shlex.split(os.environ.get('CC', 'cc'))

# What a program links that has the static library in it.
PURE_LIBRARIES = ['-lgsasl', '-lmbedtls', '-lmbedx509', '-lmbedcrypto']
LIBRARIES = PURE_LIBRARIES + ['-luv', '-pthread']


def run(arguments, **how):
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **how)
    if done.returncode != 0:
        raise Failure('%s: exit %d\n%s' % (
            ' '.join(map(str, arguments)), done.returncode, done.stdout))
    return done.stdout


def release():
    """The directory of an optimised build as users make it, up to date."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / 'release.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (RELEASE / 'build.ninja').exists():
            run(['meson', 'setup', RELEASE, SOURCE, '-Dbuildtype=release',
                 '-Db_ndebug=if-release', '-Dtests=false',
                 '--prefix=%s' % PREFIX, '--libdir=lib'])
        run(['ninja', '-C', RELEASE, '-j2', 'all', 'lib/libslimta-edge-pure.a'])
    return RELEASE


def sources(*folders):
    """Every C and C++ file and header below the folders, with its text."""
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob('*.*')):
            if path.suffix in ('.c', '.h', '.cc'):
                yield path.relative_to(SOURCE), path.read_text()
