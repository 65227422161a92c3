"""Headers of the PROXY protocol as a balancer sends them, for any client."""

import socket
import struct

CLIENT_PORT, SERVER_PORT = 4711, 25

# How a v2 header begins.
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def _is_ipv6(client):
    return ':' in client


def _server_of(client):
    return '2001:db8::1' if _is_ipv6(client) else '198.51.100.1'


def v1(client):
    return b'PROXY TCP%d %s %s %d %d\r\n' % (
        6 if _is_ipv6(client) else 4, client.encode(),
        _server_of(client).encode(), CLIENT_PORT, SERVER_PORT)


def v2(client):
    family = socket.AF_INET6 if _is_ipv6(client) else socket.AF_INET
    block = (socket.inet_pton(family, client)
             + socket.inet_pton(family, _server_of(client))
             + struct.pack('>HH', CLIENT_PORT, SERVER_PORT))
    return (SIGNATURE + (b'\x21\x21' if _is_ipv6(client) else b'\x21\x11')
            + struct.pack('>H', len(block)) + block)


BOTH = (v1, v2)
