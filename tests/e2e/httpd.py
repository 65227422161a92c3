"""slimta-httpd by its flags, with curl; and the counters of both servers."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

import tap
from balancer import Balancer, check_configuration, guide_configuration
from header import v2
from name_server import NameServer
from server import HTTPD, PATIENCE, PROGRAM, Server, make_user
from server import run as run_server
from secure_clients import CERTIFICATES, NAME, certificate
from tap import Skip, check, equal, until
from web import (ACCEPTED, HEADERS, MESSAGE, RECIPIENT, SENDER, Raw, curl,
                 httpd, post)
from wire import Wire


def run(*arguments, **how):
    return run_server(*arguments, program=HTTPD, **how)


# What it stores


@tap.test
def stores():
    """a message is stored as it was sent, with its trace"""
    with httpd() as server:
        post(server, recipients=['a@example.org', 'b@example.org']).is_(
            200, ACCEPTED)
        message = server.maildir.take_one()
        message.check_trace(SENDER, ['a@example.org', 'b@example.org'],
                            'HTTP', 'client.example')
        equal(message.content, MESSAGE, 'the message')
        post(server, sender='').is_(200, ACCEPTED)
        equal(server.maildir.take_one().return_path, '<>', 'the sender')
        post(server, recipients=['x y@example.org']).is_(
            400, '501; message="5.1.3 Syntax error in recipient address"')


@tap.test
def several_listeners():
    """--listen on IPv4 and a UNIX socket, --threads 2"""
    with httpd('--threads', '2', listen=[
            '127.0.0.1:0', 'unix:{folder}/http.sock']) as server:
        path = server.folder + '/http.sock'
        equal(server.addresses[1], 'unix:' + path, 'the second address')
        for _ in range(10):
            post(server).is_(200, ACCEPTED)
            post(server, '--unix-socket', path).is_(200, ACCEPTED)
        equal(len(server.maildir.take()), 20, 'messages')
    check(not os.path.exists(path), 'the socket is still there')


@tap.test
def inherited():
    """--listen fd:N serves a socket that was inherited"""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        with httpd(listen=['fd:%d' % listener.fileno()],
                   pass_fds=[listener.fileno()]) as server:
            equal(server.port, listener.getsockname()[1], 'the port')
            post(server).is_(200, ACCEPTED)


@tap.test
def discard():
    """--queue discard: with --name-id names an id"""
    with httpd('--name-id', queue='discard:') as server:
        reply = post(server).reply
        check(re.fullmatch(r'250; message="2\.6\.0 \S.* \S+"', reply), reply)
        check(reply != ACCEPTED, reply)


@tap.test
def behind_a_balancer():
    """--proxy-protocol: the client is the one that the header names"""
    with httpd('--proxy-protocol', 'auto', '--max-connections-per-ip', '1') \
            as server:
        post(server, '--haproxy-protocol').is_(200, ACCEPTED)
        server.maildir.take_one()
        client = v2('192.0.2.7')
        with Wire(server.port, greet=False, header=client) as one, \
                Wire(server.port, greet=False, header=client) as two:
            two.expect('HTTP/1.1 503 Service Unavailable')
            one.send(HEADERS + b'\r\n' + MESSAGE)
            one.expect('HTTP/1.1 200 OK')
        check('[192.0.2.7]' in server.maildir.take_one().received, 'the client')


@tap.test
def balancer_of_the_guide():
    """haproxy as the guide has it: mail, and its look at the health"""
    text = guide_configuration('http.md')
    check_configuration(text)
    words = re.search(r'server mx1 \S+ (.*?) inter', text).group(1)
    option = re.search(r'option httpchk .*', text).group()
    with httpd('--proxy-protocol', 'v2', '--health-path', '/health') as server:
        with Balancer(server.port, words + ' inter 100', more=option) as front:
            post(server, where='127.0.0.1:%d' % front.port).is_(200, ACCEPTED)
            until(lambda: server.process.errors().count(
                'target=/health status=200') > 2, 'it looks at the health')
            post(server, where='127.0.0.1:%d' % front.port).is_(200, ACCEPTED)
            check('DOWN' not in front.said(), front.said())
        equal(len(server.maildir.take()), 2, 'messages')


@tap.test
def names_of_clients():
    """--resolver: the client's name stands in Received"""
    zones = {'127.in-addr.arpa': '1.0.0 PTR client.test.\n',
             'client.test': '@ A 127.0.0.1\n'}
    with NameServer(zones) as names, httpd(
            '--resolver', names.address, '--log-level', 'debug') as server:
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'Expect: 100-continue\r\n\r\n')
            wire.expect('HTTP/1.1 100')
            equal(wire.line(), '', 'the end of the 100')
            until(lambda: 'reverse_name=client.test' in
                  server.process.errors(), 'the name')
            wire.send(MESSAGE)
            wire.answer().is_(200, ACCEPTED)
        received = server.maildir.take_one().received
        check('(client.test [127.0.0.1])' in received, received)


# Who may


FOLDER = tempfile.mkdtemp(prefix='slimta-httpd-')
USERS = os.path.join(FOLDER, 'users')
WRONG = '535; message="5.7.8 Authentication credentials invalid"'
MISSING = '530; message="5.7.0 Authentication required"; command="MAIL"'


def write_users(text):
    with open(USERS, 'w', encoding='utf-8') as file:
        file.write(text)


@tap.test
def users():
    """--users: wrong credentials get 401, none are needed"""
    write_users('tim:se:same\n' + make_user('ursel', 'sesame', HTTPD))
    with httpd('--users', USERS) as server:
        post(server).is_(200, ACCEPTED)
        for who in 'tim:se:same', 'ursel:sesame':
            post(server, '-u', who).is_(200, ACCEPTED)
        for who in 'tim:sesame', 'Tim:se:same', 'ursel:', 'nobody:x':
            answer = post(server, '-u', who)
            equal((answer.status, answer.reply.split('; command')[0]),
                  (401, WRONG), who)
            equal(answer.fields['www-authenticate'],
                  'Basic realm="mx.example.net", charset="UTF-8"', 'challenge')
        equal(len(server.maildir.take()), 3, 'messages')
        check('same' not in server.process.errors(), 'a password is logged')


@tap.test
def require_auth():
    """--require-auth: without credentials 401 with a challenge"""
    write_users('tim:sesame\n')
    with httpd('--users', USERS, '--require-auth') as server:
        answer = post(server)
        answer.is_(401, MISSING)
        check(answer.fields['www-authenticate'].startswith('Basic realm="'),
              answer.fields)
        # curl shows them when it is asked to, and not before.
        post(server, '--anyauth', '-u', 'tim:sesame').is_(200, ACCEPTED)
        server.maildir.take_one()


@tap.test
def users_read_anew():
    """SIGHUP reads the users again; a bad file changes nothing"""
    write_users('tim:one\n')
    with httpd('--users', USERS) as server:
        post(server, '-u', 'tim:one').is_(200, ACCEPTED)
        write_users('tim:two\n')
        server.signal(signal.SIGHUP)
        until(lambda: post(server, '-u', 'tim:two').status == 200,
              'the new one')
        equal(post(server, '-u', 'tim:one').status, 401, 'the old one')
        write_users('nonsense\n')
        server.signal(signal.SIGHUP)
        until(lambda: 'line 1: no colon; the old users stay'
              in server.process.errors(), 'the complaint')
        equal(post(server, '-u', 'tim:two').status, 200, 'as before')


# TLS


def copy_certificate(name):
    for kind in 'pem', 'key':
        shutil.copy(os.path.join(CERTIFICATES, name + '.' + kind),
                    os.path.join(FOLDER, 'used.' + kind))


@tap.test
def https():
    """--tls-cert: HTTPS, and SIGHUP reads the certificate again"""
    copy_certificate('server')
    used = ['--tls-cert', FOLDER + '/used.pem', '--tls-key',
            FOLDER + '/used.key']
    with httpd(*used) as server:
        address = '127.0.0.1', server.port
        post(server, '--cacert', certificate('ca'), '--connect-to',
             '::127.0.0.1:%d' % server.port, scheme='https',
             where=NAME).is_(200, ACCEPTED)
        message = server.maildir.take_one()
        message.check_trace(SENDER, [RECIPIENT], 'HTTPS', 'client.example')
        before = ssl.get_server_certificate(address)
        copy_certificate('second')
        server.signal(signal.SIGHUP)
        until(lambda: ssl.get_server_certificate(address) != before,
              'the new certificate')
        os.unlink(FOLDER + '/used.key')
        server.signal(signal.SIGHUP)
        until(lambda: 'used.key' in server.process.errors(), 'the complaint')
        post(server, '-k', scheme='https').is_(200, ACCEPTED)


# Its words and limits


@tap.test
def uri_pattern():
    """--uri-pattern: the path begins with it, or 404"""
    with httpd('--uri-pattern', '/mail/[a-z]+') as server:
        for path, status in (('/mail/x', 200), ('/mail/abc/d?e=f', 200),
                             ('/%6dail/x', 200), ('/mail/', 404), ('/', 404),
                             ('/Mail/x', 404), ('/x?y=/mail/x', 404),
                             ('/x/mail/x', 404)):
            equal(post(server, path=path).status, status, path)
        equal(len(server.maildir.take()), 3, 'messages')


@tap.test
def limits():
    """--max-size and --max-recipients hold exactly"""
    with httpd('--max-size', '1000', '--max-recipients', '2') as server:
        for size, status in (999, 200), (1000, 200), (1001, 413):
            for how in [], ['-H', 'Transfer-Encoding: chunked']:
                answer = post(server, *how, message=b'x' * size)
                equal(answer.status, status, '%d octets %s' % (size, how))
        equal(answer.reply.split('"')[1],
              '5.3.4 Message exceeded size limit', 'the reply')
        post(server, recipients=['%d@example.org' % i for i in range(2)]).is_(
            200, ACCEPTED)
        answer = post(server,
                      recipients=['%d@example.org' % i for i in range(3)])
        equal(answer.status, 503, 'one too many')
        check(answer.reply.startswith('452; message="4.5.3 '), answer.reply)
        equal(len(server.maildir.take()), 5, 'messages')


@tap.test
def connections():
    """--max-connections: one too many gets 503"""
    with httpd('--max-connections', '2') as server:
        with Raw(server.port) as one, Raw(server.port) as two:
            for wire in one, two:
                wire.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
                equal(wire.answer().status, 405, 'a place')
            with Raw(server.port) as third:
                third.answer().is_(
                    503, '421; message="4.7.0 Too many connections"')
                third.expect_end()


TIMEOUT = '421; message="4.4.2 Connection timed out"'


@tap.test
def timeouts():
    """--head-timeout, --body-timeout and --idle-timeout end a connection"""
    with httpd('--head-timeout', '1', '--body-timeout', '60') as server:
        with Raw(server.port) as wire:
            wire.send(HEADERS)
            wire.answer().is_(408, TIMEOUT)
            wire.expect_end()
    with httpd('--body-timeout', '1', '--idle-timeout', '60') as server:
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'\r\n' + MESSAGE[:10])
            wire.answer().is_(408, TIMEOUT)
            wire.expect_end()
        equal(server.maildir.take(), [], 'messages')
    with httpd('--idle-timeout', '1') as server:
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'\r\n' + MESSAGE)
            wire.answer().is_(200, ACCEPTED)
            wire.expect_end()
        server.maildir.take_one()


@tap.test
def idempotency():
    """--idempotency-keys: the same request is stored once"""
    key = ['-H', 'Idempotency-Key: "a"']
    with httpd() as server:
        for _ in range(2):
            post(server, *key).is_(200, ACCEPTED)
        equal(len(server.maildir.take()), 2, 'messages without the option')
    with httpd('--idempotency-keys', '10', '--name-id') as server:
        replies = {post(server, *key).reply for _ in range(3)}
        equal(len(replies), 1, 'answers')
        equal(post(server, *key, message=b'another').status, 422, 'another')
        server.maildir.take_one()


@tap.test
def words():
    """--require-sender, --permanent-422, --retry-after and --close"""
    loop = b'Received: x\r\n' * 101 + b'\r\n'
    with httpd('--max-recipients', '1') as server:
        post(server, sender=None).is_(200, ACCEPTED)
        equal(server.maildir.take_one().return_path, '<>', 'the sender')
        answer = post(server, message=loop)
        equal((answer.status, answer.reply.split(';')[0]), (500, '554'), 'loop')
        answer = post(server, recipients=[RECIPIENT] * 2)
        equal((answer.status, answer.fields.get('retry-after')), (503, None),
              'too many')
        with Raw(server.port) as wire:
            for _ in range(2):
                wire.send(HEADERS + b'\r\n' + MESSAGE)
                answer = wire.answer()
                check('connection' not in answer.fields, answer.fields)
    with httpd('--require-sender', '--permanent-422', '--retry-after', '7',
               '--close', '--max-recipients', '1') as server:
        post(server, sender=None).is_(
            400, '501; message="5.5.4 No sender"')
        answer = post(server, message=loop)
        equal((answer.status, answer.reply.split(';')[0]), (422, '554'), 'loop')
        answer = post(server, recipients=[RECIPIENT] * 2)
        equal((answer.status, answer.fields['retry-after']), (503, '7'),
              'too many')
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'\r\n' + MESSAGE)
            equal(wire.answer().fields['connection'], 'close', 'connection')
            wire.expect_end()


@tap.test
def health():
    """--health-path is answered with 200; without it there is none"""
    with httpd('--health-path', '/health', '--uri-pattern', '/mail$') as server:
        url = 'http://127.0.0.1:%d' % server.port
        equal(curl(url + '/health').status, 200, 'health')
        equal(curl(url + '/healthy').status, 404, 'another')
        equal(post(server, path='/health').status, 405, 'mail there')
    with httpd() as server:
        equal(curl('http://127.0.0.1:%d/health' % server.port).status, 405,
              'without')


@tap.test
def logged():
    """--log-format json: a request is an event, a line"""
    with httpd('--log-format', 'json') as server:
        post(server, path='/x').is_(200, ACCEPTED)
        lines = [json.loads(line) for line in server.process.lines
                 if line.startswith('{')]
        told = [(line['event'], line.get('status'), line.get('target'))
                for line in lines]
        check(('request', 200, '/x') in told, told)
        check('message' in [line['event'] for line in lines], told)


# Counters


def promtool(text):
    path = shutil.which('promtool')
    if path is None:
        raise Skip('no promtool')
    done = subprocess.run([path, 'check', 'metrics'], input=text.encode(),
                          timeout=PATIENCE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    equal((done.returncode, done.stdout), (0, b''), 'promtool')


def metrics(program, deliver):
    with Server('--metrics', '127.0.0.1:0', program=program,
                listen=['127.0.0.1:0']) as server:
        until(lambda: server.process.errors().count('listening on ') == 2,
              'the second listener')
        where = 'http://' + re.findall('listening on (.*)',
                                       server.process.errors())[1]
        deliver(server)
        answer = curl(where + '/metrics')
        equal(answer.status, 200, 'status')
        equal(answer.fields['content-type'].split(';')[0], 'text/plain', 'type')
        check('\nslimta_messages_accepted_total 1\n' in answer.body,
              answer.body)
        promtool(answer.body)
        equal(curl(where + '/').status, 404, 'another path')
        equal(curl('-d', 'x', where + '/').status, 404, 'mail')
        # They are there while it drains, too.
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'\r\n' if program == HTTPD else
                      b'MAIL FROM:<>\r\n')
            until(lambda: '\nslimta_connections_open 1\n' in
                  curl(where + '/metrics').body, 'the connection')
            server.signal()
            until(lambda: 'stopping' in server.process.errors(), 'the drain')
            equal(curl(where + '/metrics').status, 200, 'status')
        server.wait_for_end()


def over_smtp(server):
    with Wire(server.port) as wire:
        wire.greet().deliver()
        wire.quit()


tap.case('--metrics of slimta-smtpd', metrics, PROGRAM, over_smtp)
tap.case('--metrics of slimta-httpd', metrics, HTTPD,
         lambda server: post(server).is_(200, ACCEPTED))


@tap.test
def metrics_in_use():
    """--metrics: an address in use is said, and nothing serves"""
    with httpd() as server:
        where = '127.0.0.1:%d' % server.port
        for program in HTTPD, PROGRAM:
            status, _, errors = run_server(
                '--listen', '127.0.0.1:0', '--queue', 'discard:', '--metrics',
                where, program=program)
            equal(status, 1, 'the exit')
            check(where in errors and 'in use' in errors.lower(), errors)
            check('listening' not in errors, errors)


# Its end


@tap.test
def drain():
    """SIGTERM: a request in flight gets its answer, with Connection: close"""
    with httpd('--drain-timeout', '60') as server:
        with Raw(server.port) as idle, Raw(server.port) as busy:
            idle.send(HEADERS + b'\r\n' + MESSAGE)
            idle.answer().is_(200, ACCEPTED)
            busy.send(HEADERS + b'Expect: 100-continue\r\n\r\n')
            busy.expect('HTTP/1.1 100')
            equal(busy.line(), '', 'the end of the 100')
            server.signal()
            idle.expect_end()
            busy.send(MESSAGE)
            answer = busy.answer()
            answer.is_(200, ACCEPTED)
            equal(answer.fields['connection'], 'close', 'connection')
            busy.expect_end()
        server.wait_for_end()
        equal(len(server.maildir.take()), 2, 'messages')


@tap.test
def drain_deadline():
    """--drain-timeout: who does not finish is cut off, and the exit is 0"""
    with httpd('--drain-timeout', '1') as server:
        with Raw(server.port) as wire:
            wire.send(HEADERS + b'Expect: 100-continue\r\n\r\n')
            wire.expect('HTTP/1.1 100')
            server.signal()
            server.wait_for_end()
        equal(server.maildir.take(), [], 'messages')


# The command line


def bad_options(arguments):
    status, out, errors = run('--queue', 'discard:', '--listen',
                              '127.0.0.1:0', *arguments)
    equal((status, out), (2, ''), 'the exit and the output')
    equal(len(errors.split('\n')), 1, 'lines: ' + errors)
    check(errors.startswith('slimta-httpd: '), errors)
    check(arguments[0].split('=')[0] in errors, errors)


for bad in [['--what'], ['--auth', 'PLAIN'], ['--lmtp'],
            ['--listen', 'nonsense'], ['--queue', 'what:ever'],
            ['--queue', 'maildir:'], ['--queue', 'discard:x'],
            ['--max-size', '0'], ['--max-recipients', 'x'],
            ['--head-timeout', '0'], ['--body-timeout', 'soon'],
            ['--idle-timeout', '-1'], ['--uri-pattern', '('],
            ['--uri-pattern', ''], ['--health-path', 'health'],
            ['--idempotency-keys', '0'], ['--retry-after', '86401'],
            ['--metrics', 'nonsense'], ['--metrics', 'systemd'],
            ['--metrics', 'fd:3'], ['--proxy-protocol', 'v3'],
            ['--threads', '0'], ['--threads', '257'], ['--require-auth'],
            ['--close=yes'], ['--tls-cert', '/dev/null'], ['--metrics']]:
    tap.case('exit 2: ' + ' '.join(bad), bad_options, bad)


@tap.test
def help_text():
    """--help lists the flags of the manual; --version tells the version"""
    status, out, errors = run('--help')
    equal((status, errors), (0, ''), 'exit and errors')
    source = os.path.dirname(os.path.abspath(__file__))
    with open(source + '/../../docs/man/slimta-httpd.1',
              encoding='utf-8') as file:
        wanted = re.findall(r'^\.It Fl \\-([a-z0-9-]+)', file.read(), re.M)
    equal(sorted(re.findall(r'^  --([a-z0-9-]+)', out, re.M)), sorted(wanted),
          'flags')
    check(all(len(line) <= 80 for line in out.split('\n')), 'a long line')
    status, out, _ = run('--version')
    check(re.fullmatch(r'slimta-httpd \d+\.\d+\.\d+\n', out), out)


@tap.test
def what_is_not_there():
    """a port in use and files that cannot be used are named, with exit 1"""
    with httpd() as server:
        where = '127.0.0.1:%d' % server.port
        status, _, errors = run('--listen', where, '--queue', 'discard:')
        equal(status, 1, 'the exit')
        check(where in errors and 'in use' in errors.lower(), errors)
    missing = FOLDER + '/missing'
    for arguments in (['--users', missing], ['--queue', 'maildir:/dev/null/x'],
                      ['--tls-cert', missing, '--tls-key', missing]):
        status, _, errors = run('--listen', '127.0.0.1:0', *arguments)
        equal(status, 1, 'the exit')
        check(missing in errors or '/dev/null/x' in errors, errors)


@tap.at_end
def remove():
    """the files are removed"""
    shutil.rmtree(FOLDER)


tap.main()
