"""Who may include whom."""

import re

import tap
from project import SOURCE, sources
from tap import equal

# A room, and the rooms whose headers it may include beside its own. Public
# headers are open to every room.
MAY_INCLUDE = {
    'base': '',
    'mail': 'base',
    'proxy': 'base',
    'tls': 'base',
    'sasl': 'base',
    'smtp': 'mail base',
    'http': 'mail base',
    'spf': 'base',
    'io': 'proxy tls base',
    'checks': 'io spf mail base',
    'queue': 'io tls sasl smtp http mail base',
    'edge': 'io sasl smtp http tls proxy mail base',
}

DOORS = 'edge/smtp', 'edge/http'

# A library's headers, and the one room that knows them.
ONE_ROOM = {
    r'uv\.h|uv/.*': 'io',
    r'ares.*\.h': 'io',
    r'mbedtls/.*|psa/.*': 'tls',
    r'gsasl.*\.h': 'sasl',
    r'spf2/.*': 'checks',
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def includes(text, kind):
    return [name for mark, name in INCLUDE.findall(text) if mark == kind]


def room_of(path):
    return path.parts[1]


def only_allowed(room):
    allowed = [room] + MAY_INCLUDE[room].split()
    wrong = ['%s: "%s"' % (path, name)
             for path, text in sources('lib/' + room)
             for name in includes(text, '"')
             if name.split('/')[0] not in allowed or '..' in name]
    equal(wrong, [], 'not allowed')


for name in sorted(MAY_INCLUDE):
    tap.case('%s includes only what it may' % name, only_allowed, name)


@tap.test
def doors_are_apart():
    """neither door knows the other, and what they share knows neither"""
    wrong = ['%s: "%s"' % (path, name)
             for path, text in sources('lib/edge')
             for name in includes(text, '"')
             for door in DOORS
             if name.startswith(door + '/')
             and not str(path).startswith('lib/%s/' % door)]
    equal(wrong, [], 'not allowed')


def known_to_one(pattern, room):
    wrong = ['%s: <%s>' % (path, name)
             for path, text in sources('lib', 'include')
             for name in includes(text, '<')
             if re.fullmatch(pattern, name)
             and (path.parts[0] != 'lib' or room_of(path) != room)]
    equal(wrong, [], 'not allowed')


for pattern, room in ONE_ROOM.items():
    tap.case('only %s includes <%s>' % (room, pattern), known_to_one, pattern,
             room)


@tap.test
def no_unknown_room():
    """every folder of lib/ is a room"""
    folders = sorted(p.name for p in (SOURCE / 'lib').iterdir() if p.is_dir())
    equal([f for f in folders if f not in MAY_INCLUDE], [], 'unknown')


@tap.test
def public_headers_are_public():
    """public headers include only public and standard ones"""
    standard = {'stddef.h', 'stdint.h'}
    wrong = ['%s: %s' % (path, name) for path, text in sources('include')
             for mark, name in INCLUDE.findall(text)
             if mark == '"' or not (name in standard
                                    or name.startswith('slimta/'))]
    equal(wrong, [], 'not allowed')


def is_at_hand(path, name):
    """A header beside an example; for a demo server, what both share."""
    if name.startswith('server/'):
        return path.parent.name in ('smtpd', 'httpd') and \
            (SOURCE / 'examples' / name).exists()
    return '/' not in name and (SOURCE / path.parent / name).exists()


@tap.test
def examples_are_hosts():
    """examples see public headers only"""
    wrong = ['%s: "%s"' % (path, name) for path, text in sources('examples')
             for name in includes(text, '"') if not is_at_hand(path, name)]
    wrong += ['%s: <%s>' % (path, name) for path, text in sources('examples')
              for name in includes(text, '<')
              if any(re.fullmatch(p, name) for p in ONE_ROOM)]
    equal(wrong, [], 'not allowed')


tap.main()
