"""Installs into a prefix of its own and builds the README's program there."""

import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import tempfile

import tap
from project import CC, PREFIX, SOURCE, release, run
from tap import check, equal

MESSAGE = b'Subject: hello\r\n\r\n.Hello.\r\n'


def install():
    shutil.rmtree(PREFIX, ignore_errors=True)
    run(['meson', 'install', '-C', release(), '--no-rebuild', '--quiet'])


def pkg_config(*arguments):
    environment = dict(os.environ, PKG_CONFIG_PATH=PREFIX / 'lib/pkgconfig')
    return run(['pkg-config', *arguments, 'slimta-edge'],
               env=environment).split()


def readme_program():
    text = (SOURCE / 'README.md').read_text()
    return re.search(r'^```c\n(.*?)^```$', text, re.M | re.S).group(1)


def build(folder, flags):
    source = folder / 'receive.c'
    source.write_text(readme_program())
    run(CC + [source, '-o', folder / 'receive'] + flags)


def needed(program):
    return re.findall(r'\(NEEDED\).*\[(.*)\]', run(['readelf', '-d', program]))


def send(port):
    with smtplib.SMTP('127.0.0.1', port, timeout=30) as client:
        client.sendmail('you@example.com', ['friend@example.org'], MESSAGE)


def receive_one(folder):
    """Runs the program until it has taken one message."""
    environment = dict(os.environ, LD_LIBRARY_PATH=str(PREFIX / 'lib'))
    with subprocess.Popen([folder / 'receive', '0'], cwd=folder,
                          env=environment, stderr=subprocess.PIPE,
                          text=True) as child:
        try:
            line = child.stderr.readline()
            found = re.fullmatch(r'listening on 127\.0\.0\.1:(\d+)\n', line)
            check(found, 'it said %r' % line)
            send(int(found.group(1)))
        finally:
            child.terminate()
        child.wait(30)
    stored = list((folder / 'mail/new').iterdir())
    equal(len(stored), 1, 'messages')
    check(stored[0].read_bytes().endswith(MESSAGE), 'another message')


def whole(flags):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build(folder, flags)
        libraries = needed(folder / 'receive')
        receive_one(folder)
        return libraries


@tap.test
def everything_is_there():
    """meson install gives libraries, headers, pkg-config, demo, manual"""
    install()
    wanted = ['lib/libslimta-edge.so', 'lib/libslimta-edge.so.0',
              'lib/libslimta-edge.a', 'lib/pkgconfig/slimta-edge.pc',
              'include/slimta/edge.h', 'bin/slimta-smtpd',
              'bin/slimta-httpd', 'share/man/man1/slimta-smtpd.1',
              'share/man/man1/slimta-httpd.1']
    equal([w for w in wanted if not (PREFIX / w).exists()], [], 'missing')
    extra = [p.name for p in (PREFIX / 'lib').glob('*.a')
             if p.name != 'libslimta-edge.a']
    equal(extra, [], 'archives of ours alone')


@tap.test
def installed_demo():
    """the installed servers run and tell their version"""
    for name in 'slimta-smtpd', 'slimta-httpd':
        text = run([PREFIX / 'bin' / name, '--version'])
        equal(text, '%s %s\n' % (name, pkg_config('--modversion')[0]),
              'version')


@tap.test
def no_libuv_for_hosts():
    """a host of the shared library links nothing but it"""
    equal([f for f in pkg_config('--libs') if f.startswith('-l')],
          ['-lslimta-edge'], 'libraries')


@tap.test
def shared():
    """the README's program, with the shared library, receives a message"""
    flags = pkg_config('--cflags', '--libs')
    check('libslimta-edge.so.0' in whole(flags), 'not linked to it')


@tap.test
def static():
    """the same with the static library, as the guide says"""
    flags = ['-l:libslimta-edge.a' if flag == '-lslimta-edge' else flag
             for flag in pkg_config('--static', '--cflags', '--libs')]
    libraries = whole(flags)
    check('libslimta-edge.so.0' not in libraries, 'linked to the shared one')


tap.main()
