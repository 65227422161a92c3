"""Each public header stands alone, in pedantic C11 and in C++."""

import subprocess

import tap
from project import CC, SOURCE
from tap import check, equal

FOLDER = SOURCE / 'include'
HEADERS = sorted(p.name for p in (FOLDER / 'slimta').glob('*.h'))
STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']


def compiles(compiler, language, standard, text):
    done = subprocess.run(
        compiler + STRICT + ['-std=' + standard, '-x', language,
                             '-I', str(FOLDER), '-'],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    check(done.returncode == 0, done.stdout)


def alone(header):
    # Twice: the guard must hold. A declaration keeps the unit from being empty.
    text = '#include <slimta/%s>\n' % header * 2 + 'extern int unused;\n'
    compiles(CC, 'c', 'c11', text)
    compiles(['c++'], 'c++', 'c++11', text)


for name in HEADERS:
    tap.case('<slimta/%s> compiles alone' % name, alone, name)


@tap.test
def all_are_installed():
    """every header is installed"""
    listed = (FOLDER / 'slimta/meson.build').read_text()
    equal([h for h in HEADERS if "'%s'" % h not in listed], [], 'left out')


@tap.test
def edge_includes_all():
    """<slimta/edge.h> includes every other"""
    text = (FOLDER / 'slimta/edge.h').read_text()
    equal([h for h in HEADERS if h != 'edge.h' and
           '#include <slimta/%s>' % h not in text], [], 'left out')


tap.main()
