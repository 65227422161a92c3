"""What stands in the tree, and what must not."""

import os
import re
import subprocess

import tap
from project import SOURCE, sources
from tap import check, equal

# Written so that this file does not hold them itself.
FOREIGN = re.compile(
    r'/wor[k]/|/tmp/w[t]/|/hom[e]/\w|/roo[t]/|/User[s]/\w|\.pyen[v]\b|'
    r'registry\.npmj[s]|pypi\.or[g]|proxy\.golan[g]|crates\.i[o]\b|'
    r'ghcr\.i[o]\b|docker\.i[o]\b')

# Octets that were never meant as text of ours.
DATA = ('tests/dialogues/', 'tests/fuzz/corpus/', 'tests/data/')

LONGEST_FILE = 600

TOP = {'.ci', '.clang-format', '.editorconfig', '.gitignore', 'CHANGELOG.md',
       'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md', 'dev', 'docs',
       'examples', 'include', 'lib', 'meson.build', 'meson_options.txt',
       'pkgconfig', 'tests'}


def tracked():
    """The files of the project, without what was built beside them."""
    if (SOURCE / '.git').exists():
        done = subprocess.run(['git', '-C', str(SOURCE), 'ls-files', '-z'],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) \
            if has_git() else None
        if done and done.returncode == 0:
            return [n for n in done.stdout.decode().split('\0')
                    if n and (SOURCE / n).is_file()]
    return walked()


def has_git():
    return any(os.access(os.path.join(p, 'git'), os.X_OK)
               for p in os.get_exec_path())


def walked():
    found = []
    for folder, folders, files in os.walk(SOURCE):
        top = folder == str(SOURCE)
        folders[:] = [f for f in folders if f not in ('.git', '__pycache__')
                      and not (top and (f.startswith('build')
                                        or f == 'mail'))]
        found += [os.path.relpath(os.path.join(folder, f), SOURCE)
                  for f in files if not (top and f == '.git')]
    return found


def text_of(name):
    return (SOURCE / name).read_bytes().decode('utf-8', 'replace')


@tap.test
def nothing_foreign():
    """no tracked file names a place of one machine or a registry"""
    wrong = ['%s: %s' % (name, match.group())
             for name in tracked() if not name.startswith(DATA)
             for match in FOREIGN.finditer(text_of(name))]
    equal(wrong, [], 'found')


@tap.test
def pages_are_there():
    """a repository's pages are there"""
    wanted = ['LICENSE', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md',
              'SECURITY.md', '.clang-format', '.editorconfig', 'dev',
              '.ci/run', 'docs/architecture.md', 'docs/rfc.md']
    equal([w for w in wanted if not (SOURCE / w).is_file()], [], 'missing')


@tap.test
def top_is_known():
    """nothing lies at the top that does not belong there"""
    equal(sorted({name.split('/')[0] for name in tracked()} - TOP), [],
          'unknown')


@tap.test
def scripts_can_be_run():
    """./dev and .ci/run can be run"""
    for name in 'dev', '.ci/run':
        check(os.access(SOURCE / name, os.X_OK), name)
    subprocess.run(['sh', '-n', str(SOURCE / 'dev')], check=True)


@tap.test
def unknown_command():
    """./dev refuses an unknown command with one line and exit 2"""
    done = subprocess.run([str(SOURCE / 'dev'), 'nonsense'],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(done.returncode, 2, 'exit')
    equal(done.stdout, b'', 'output')
    equal(done.stderr.count(b'\n'), 1, 'lines')


@tap.test
def dev_help():
    """./dev alone and ./dev help tell every command"""
    alone = subprocess.run([str(SOURCE / 'dev')], stdout=subprocess.PIPE,
                           check=True).stdout.decode()
    told = subprocess.run([str(SOURCE / 'dev'), 'help'], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    equal(alone, told, 'help')
    for command in ('run', 'install', 'build', 'test', 'debian13', 'debian12',
                    'bench', 'fuzz', 'format', 'help'):
        check(re.search(r'^  %s\b' % command, told, re.M), command)


@tap.test
def readme_program():
    """the README's program is examples/receive.c"""
    blocks = re.findall(r'^```c\n(.*?)^```$', text_of('README.md'),
                        re.M | re.S)
    equal(len(blocks), 1, 'programs')
    equal(blocks[0], text_of('examples/receive.c'), 'program')


@tap.test
def files_say_what_they_are_for():
    """each C file begins with its purpose"""
    wrong = [str(path) for path, text in sources(
        'lib', 'include', 'examples', 'tests') if not text.startswith('/**')]
    equal(wrong, [], 'without')


@tap.test
def files_are_short():
    """no C file of the library is long"""
    wrong = ['%s: %d lines' % (path, text.count('\n'))
             for path, text in sources('lib', 'include', 'examples')
             if text.count('\n') > LONGEST_FILE]
    equal(wrong, [], 'long')


# Each demo server: where its flags stand.
FLAGS = {'slimta-smtpd': 'examples/smtpd/main.c',
         'slimta-httpd': 'examples/httpd/main.c'}


def flags_of(program):
    found = re.findall(r'^    \{"--([a-z0-9-]+)"',
                       text_of('examples/server/options.c')
                       + text_of(FLAGS[program]), re.M)
    check(len(found) > 20, 'found only %s' % found)
    return sorted(found)


def manual_has_every_flag(program):
    manual = text_of('docs/man/%s.1' % program)
    equal(sorted(re.findall(r'^\.It Fl \\-([a-z0-9-]+)', manual, re.M)),
          flags_of(program), 'described')
    synopsis = manual[:manual.index('.Sh DESCRIPTION')]
    equal(sorted(re.findall(r'(?:Fl|\|) \\-([a-z0-9-]+)', synopsis)),
          flags_of(program), 'in the synopsis')


for name in FLAGS:
    tap.case('the manual page has the flags of %s, and no others' % name,
             manual_has_every_flag, name)


tap.main()
