"""What tests with real clients share."""

import shutil

from tap import Failure

HEAD = (b'From: <sender@example.com>\r\nTo: <rcpt@example.net>\r\n'
        b'Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n'
        b'Message-ID: <1@example.com>\r\nSubject: a test\r\n')


def tool(name, package):
    path = shutil.which(name)
    if path is None:
        raise Failure('%s is missing: it comes with the package %s'
                      % (name, package))
    return path
