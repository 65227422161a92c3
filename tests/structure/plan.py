#!/usr/bin/env python3
"""Compiles the planned headers; prints TAP.

Usage: plan.py SOURCE_ROOT [CC...]; the C++ compiler comes from CXX, or is c++.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1])
CC = sys.argv[2:] or [os.environ.get("CC", "cc")]
CXX = [os.environ.get("CXX", "c++")]
PLAN = ROOT / "docs/plan/include/slimta"
BUILT = ROOT / "include/slimta"
COMMON = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror",
          "-I", str(PLAN.parent), "-I", str(BUILT.parent)]
results = []


def check(name, errors, skip=""):
    """Keeps one result; `errors` is a text, empty when all is well."""
    number = len(results) + 1
    results.append(not errors)
    print("ok" if not errors else "not ok", number, "-", name, skip)
    for line in errors.splitlines():
        print("#", line)


def compile_text(compiler, flags, text):
    done = subprocess.run(compiler + flags + COMMON + ["-"], input=text,
                          capture_output=True, text=True, check=False)
    return done.stderr or ("" if done.returncode == 0 else "failed")


def check_header(header):
    text = f"#include <slimta/{header.name}>\n"
    check(f"{header.name} alone as C11", compile_text(
        CC, ["-std=c11", "-pedantic-errors", "-x", "c"], text))
    if shutil.which(CXX[0]) is None:
        check(f"{header.name} alone as C++11", "", "# SKIP no C++ compiler")
        return
    check(f"{header.name} alone as C++11", compile_text(
        CXX, ["-std=c++11", "-pedantic-errors", "-x", "c++"], text))


def words(header):
    """Every word of a header outside its comments, members included."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return set(re.findall(r"\b[A-Za-z_]\w+", text)) - {"SLIMTA_MUST_CHECK"}


def check_kept(header):
    """A planned header stands for the whole: what is built is in it."""
    lost = words(BUILT / header.name) - words(header)
    check(f"{header.name} keeps what is built", "\n".join(sorted(lost)))


def check_lists():
    names = {header.name for header in PLAN.glob("*.h")}
    names |= {header.name for header in BUILT.glob("*.h")}
    edge = (PLAN / "edge.h").read_text()
    check("edge.h includes every header", "\n".join(
        name for name in sorted(names - {"edge.h"})
        if f"#include <slimta/{name}>" not in edge))
    readme = (ROOT / "docs/plan/README.md").read_text()
    check("README.md lists every header", "\n".join(
        name for name in sorted(names) if f"`{name}`" not in readme))


def main():
    for header in sorted(PLAN.glob("*.h")):
        check_header(header)
        if (BUILT / header.name).exists():
            check_kept(header)
    check_lists()
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


sys.exit(main())
