"""The guide says what is: its code is the examples', its links lead on."""

import re
import textwrap

import tap
from project import SOURCE
from tap import check, equal

GUIDE = SOURCE / 'docs/guide'
CHAPTERS = sorted(GUIDE.glob('*.md'))
PAGES = CHAPTERS + [SOURCE / 'README.md', SOURCE / 'docs/architecture.md',
                    SOURCE / 'docs/limits.md']
PROGRAMS = {p.name: p.read_text()
            for p in sorted((SOURCE / 'examples').glob('*.c*'))}


def blocks(chapter):
    """Every piece of C or C++ in a chapter."""
    return re.findall(r'^```(?:c|cpp)\n(.*?)^```$', chapter.read_text(),
                      re.M | re.S)


def pieces(text, size):
    """Every run of `size` lines, moved to the left as far as it goes."""
    lines = text.splitlines(keepends=True)
    return {textwrap.dedent(''.join(lines[i:i + size]))
            for i in range(len(lines) - size + 1)}


def quoted_from(block):
    """The programs that the block is a part of."""
    return [name for name, text in PROGRAMS.items()
            if block in pieces(text, block.count('\n'))]


def is_quoted(chapter):
    wrong = [block for block in blocks(chapter) if not quoted_from(block)]
    equal(wrong, [], 'in no example')


for chapter in CHAPTERS:
    tap.case('the code of %s is quoted' % chapter.name, is_quoted, chapter)


@tap.test
def all_are_quoted():
    """every example is quoted in the guide, and stands in its list"""
    quoted = {name for chapter in CHAPTERS for block in blocks(chapter)
              for name in quoted_from(block)}
    check(len(PROGRAMS) > 8, 'found only %s' % sorted(PROGRAMS))
    equal(sorted(set(PROGRAMS) - quoted - {'host.c'}), [], 'not quoted')
    index = (GUIDE / 'index.md').read_text()
    equal([n for n in PROGRAMS if '[%s](' % n not in index], [], 'not listed')


def anchors(page):
    """What a heading can be reached by."""
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
            for heading in re.findall(r'^#+ (.*)$', page.read_text(), re.M)}


def broken_links(page):
    for link in re.findall(r'\]\(([^)\s]+)\)', page.read_text()):
        if re.match(r'\w+:', link):
            continue
        name, _, anchor = link.partition('#')
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield '%s: %s' % (page.name, link)
        elif anchor and anchor not in anchors(target):
            yield '%s: %s' % (page.name, link)


@tap.test
def links_lead_somewhere():
    """every link of the guide and the README leads somewhere"""
    equal([b for page in PAGES for b in broken_links(page)], [], 'broken')


@tap.test
def chapters_are_linked():
    """the README leads to the guide, its index to each chapter"""
    check('(docs/guide/index.md)' in (SOURCE / 'README.md').read_text(),
          'no link in the README')
    index = (GUIDE / 'index.md').read_text()
    equal([c.name for c in CHAPTERS if c.name != 'index.md'
           and '(%s)' % c.name not in index], [], 'not linked')


@tap.test
def limits_are_listed():
    """each number among the edge's options stands in docs/limits.md"""
    header = (SOURCE / 'include/slimta/smtp_edge.h').read_text()
    options = re.findall(r'^    (?:uint64_t|unsigned) (\w+);', header, re.M)
    options = [o for o in options if not o.endswith('_flags')]
    check(len(options) > 10, 'found only %s' % options)
    listed = (SOURCE / 'docs/limits.md').read_text()
    equal([o for o in options if '| `%s` |' % o not in listed], [], 'missing')


@tap.test
def names_are_known():
    """what the guide calls by a name of ours is declared"""
    known = set(re.findall(r'\w+', ''.join(
        p.read_text() for p in (SOURCE / 'include/slimta').glob('*.h'))))
    wrong = sorted({word for chapter in CHAPTERS
                    for word in re.findall(
                        r'\b(?:slimta_|smtp_edge_|http_edge_|SLIMTA_)\w+',
                        chapter.read_text())
                    if word not in known and word != 'SLIMTA_E'})
    equal(wrong, [], 'unknown')


tap.main()
