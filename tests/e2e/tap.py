"""Runs the test functions of one file and prints what they say as TAP."""

import sys
import time
import traceback

_tests = []
_run_at_end = []


class Failure(Exception):
    """A test's expectation that did not hold."""


class Skip(Exception):
    """The machine lacks what the test is about."""


def test(function):
    """Registers a test; its sentence is the first line of its docstring."""
    _tests.append((function.__doc__.strip().split('\n')[0], function, ()))
    return function


def case(name, function, *arguments):
    """Registers one test of a table."""
    _tests.append((name, function, arguments))


def at_end(function):
    """Registers what is run after the last test, and is a test itself."""
    _run_at_end.append(function)
    return function


def check(condition, text):
    if not condition:
        raise Failure(text)


def equal(got, wanted, what):
    """Compares exactly, and shows where two octet strings part."""
    if got == wanted:
        return
    if isinstance(got, bytes) and isinstance(wanted, bytes):
        at = _first_difference(got, wanted)
        raise Failure('%s: %d octets, wanted %d; they part at %d: %r, not %r'
                      % (what, len(got), len(wanted), at, got[at:at + 60],
                         wanted[at:at + 60]))
    raise Failure('%s: %r, wanted %r' % (what, got, wanted))


def _first_difference(one, other):
    for at, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return at
    return min(len(one), len(other))


def until(claim, what, seconds=30):
    """Asks again until `claim` holds. The bound only ends a test that hangs.
    """
    end = time.monotonic() + seconds
    while True:
        got = claim()
        if got:
            return got
        if time.monotonic() > end:
            raise Failure('it never happened: ' + what)
        time.sleep(0.02)


def _say(text):
    for line in str(text).rstrip('\n').split('\n'):
        print('# ' + line)


def _run_one(number, name, function, arguments):
    try:
        function(*arguments)
    except Skip as reason:
        print('ok %d - %s # SKIP %s' % (number, name, reason), flush=True)
        return True
    except Failure as failure:
        print('not ok %d - %s' % (number, name))
        _say(failure)
        frame = traceback.extract_tb(failure.__traceback__)[1]
        _say('line %d: %s' % (frame.lineno, frame.line))
    except Exception:  # noqa: a broken test is a failure like any other
        print('not ok %d - %s' % (number, name))
        _say(traceback.format_exc())
    else:
        print('ok %d - %s' % (number, name), flush=True)
        return True
    sys.stdout.flush()
    return False


def main():
    """Runs everything, or what has the words of the command line in its
    name."""
    words = sys.argv[1:]
    tests = [t for t in _tests if all(w in t[0] for w in words)]
    tests += [(f.__doc__.strip().split('\n')[0], f, ()) for f in _run_at_end]
    print('1..%d' % len(tests), flush=True)
    results = [_run_one(i + 1, *t) for i, t in enumerate(tests)]
    sys.exit(0 if all(results) else 1)
