"""What the guide has people write, taken out of it to be run."""

import pathlib
import re
import shlex

from tap import equal

GUIDE = pathlib.Path(__file__).parent / '../../docs/guide'


def block(chapter, word):
    """The one block of a chapter that has this word."""
    text = (GUIDE / chapter).read_text()
    found = [one for one in re.findall(r'^```\w*\n(.*?)^```$', text,
                                       re.M | re.S) if word in one]
    equal(len(found), 1, 'blocks of %s with %r' % (chapter, word))
    return found[0]


def lines(chapter, word):
    """A configuration without its comments."""
    return [line for line in block(chapter, word).split('\n')
            if line and not line.startswith('#')]


def arguments(chapter, word, without):
    """A command's arguments: those with values in `without`, which has what
    the guide says of each, are left out."""
    words = shlex.split(block(chapter, word).replace('\\\n', ''))[1:]
    result = []
    while words:
        name = words.pop(0)
        if name in without:
            equal(words.pop(0), without[name], name)
        else:
            result.append(name)
    return result
