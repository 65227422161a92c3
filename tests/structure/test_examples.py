"""The examples do what they say, and so do the lines that are printed."""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading

import tap
from name_server import NameServer
from project import BUILD, SOURCE
from tap import check, equal

EXAMPLES = BUILD / 'examples'
CERTIFICATES = BUILD / 'tests/support'
MESSAGE = b'Subject: hello\r\n\r\nHello.\r\n'


def read_port(child):
    line = child.stderr.readline()
    found = re.fullmatch(r'listening on 127\.0\.0\.1:(\d+)\n', line)
    check(found, 'it said %r' % line)
    return int(found.group(1))


@contextlib.contextmanager
def launched(program, *arguments, folder='.'):
    """The program; it is ended afterwards, or when nothing happens."""
    child = subprocess.Popen(
        [EXAMPLES / program, *arguments], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    with child:
        try:
            yield child
        finally:
            watchdog.cancel()
            child.terminate()
            child.wait(30)


@contextlib.contextmanager
def running(program, *arguments, folder='.'):
    """The program, when it listens, and its port; it is ended afterwards."""
    with launched(program, *arguments, folder=folder) as child:
        yield child, read_port(child)


@contextlib.contextmanager
def connected(port):
    """A client that has said EHLO."""
    with smtplib.SMTP('127.0.0.1', port, timeout=30) as client:
        client.ehlo()
        yield client


def send(client, sender, recipients, message=MESSAGE):
    """One message whose recipients are accepted; the reply to it."""
    equal(client.mail(sender)[0], 250, 'MAIL')
    for recipient in recipients:
        equal(client.rcpt(recipient)[0], 250, 'RCPT')
    return client.data(message)


def ends_well(child):
    """The program stops when told to, and has nothing to complain of."""
    child.send_signal(signal.SIGTERM)
    equal(child.wait(30), 0, 'exit')
    equal(child.stderr.read(), '', 'complaints')


@tap.test
def receive():
    """receive stores a message in ./mail"""
    with tempfile.TemporaryDirectory() as folder:
        with running('receive', '0', folder=folder) as (_, port):
            with connected(port) as client:
                code, _ = send(client, 'you@example.com', ['a@example.org'])
        equal(code, 250, 'reply')
        stored = list((pathlib.Path(folder) / 'mail/new').iterdir())
        equal(len(stored), 1, 'messages')
        check(stored[0].read_bytes().endswith(MESSAGE), 'another message')


def refuses_one_sender(port, text):
    """Refuses one; says `text` to the others."""
    with connected(port) as client:
        equal(client.mail('spammer@example.com'),
              (550, b'5.7.1 Sender not allowed'), 'refusal')
        equal(client.mail('you@example.com'), (250, text), 'reply')
        client.rset()
        code, _ = send(client, 'you@example.com', ['a@example.org'])
        equal(code, 250, 'reply')


@tap.test
def refuse_sender():
    """refuse_sender refuses one sender, and words the other reply"""
    with running('refuse_sender', '0') as (_, port):
        refuses_one_sender(port, b'2.1.0 Pleased to hear from you')


ZONES = {
    'example.com': '@ TXT "v=spf1 ip4:127.0.0.0/8 -all"\n',
    'example.net': '@ TXT "v=spf1 -all exp=why.example.net"\n'
                   'why TXT "%{i} is not ours"\n',
}


@tap.test
def spf():
    """spf refuses a fail, tells why, and puts its header above the trace"""
    with tempfile.TemporaryDirectory() as folder, NameServer(ZONES) as server:
        with running('spf', '0', server.address,
                     folder=folder) as (_, port):
            with connected(port) as client:
                equal(client.mail('you@example.net'),
                      (550, b'5.7.1 Access denied; 127.0.0.1 is not ours'),
                      'fail')
                equal(client.mail('you@example.org'),
                      (451, b'4.4.3 Try again later'), 'temperror')
                code, _ = send(client, 'you@example.com', ['a@example.org'])
                equal(code, 250, 'pass')
        stored, = (pathlib.Path(folder) / 'mail/new').iterdir()
        names = re.findall(r'^([\w-]+):', stored.read_text(), re.M)
        equal(names, ['Return-Path', 'Delivered-To', 'Received-SPF',
                      'Received', 'Subject'], 'fields')
        check('Received-SPF: pass (example.com permits 127.0.0.1)'
              in stored.read_text(), stored.read_text())


@tap.test
def cxx_host():
    """cxx_host refuses one sender, and frees all at SIGTERM"""
    if not (EXAMPLES / 'cxx_host').exists():
        raise tap.Skip('no C++ compiler')
    with running('cxx_host', '0') as (child, port):
        refuses_one_sender(port, b'2.1.0 <you@example.com> Ok')
        ends_well(child)


@tap.test
def own_queue():
    """own_queue prints each message and names it"""
    with running('own_queue', '0') as (child, port):
        with connected(port) as client:
            equal(send(client, 'you@example.com',
                       ['a@example.org', 'b@example.org']),
                  (250, b'2.6.0 Message queued as own-1'), 'reply')
        said = [child.stdout.readline() for _ in range(3)]
    equal(said, ['from <you@example.com>\n', 'to <a@example.org>\n',
                 'to <b@example.org>\n'], 'output')


@tap.test
def async_validator():
    """async_validator knows one recipient, and survives a client that left"""
    with running('async_validator', '0') as (_, port):
        with connected(port) as client:
            client.mail('you@example.com')
            equal(client.rcpt('nobody@example.org'),
                  (550, b'5.1.1 No such user here'), 'refusal')
            equal(client.rcpt('friend@example.org')[0], 250, 'RCPT')
            client.putcmd('RCPT TO:<nobody@example.org>')
            client.close()
        with connected(port) as client:
            code, _ = send(client, 'you@example.com', ['friend@example.org'])
            equal(code, 250, 'reply')


@tap.test
def streaming_queue():
    """streaming_queue stores the octets, and nothing of what was broken off"""
    message = b'Subject: long\r\n\r\n' + 20000 * (b'0123456789' * 7 + b'\r\n')
    with tempfile.TemporaryDirectory() as folder:
        with running('streaming_queue', '0', folder=folder) as (_, port):
            with connected(port) as client:
                code, text = send(
                    client, 'you@example.com', ['a@example.org'], message)
                equal(code, 250, 'reply')
            with connected(port) as client:
                client.mail('you@example.com')
                client.rcpt('a@example.org')
                equal(client.docmd('DATA')[0], 354, 'DATA')
                client.send(message)
                client.close()
            stored = pathlib.Path(folder) / text.split()[-1].decode()
            equal(stored.read_bytes(), message, 'stored')
            tap.until(lambda: list(pathlib.Path(folder).iterdir()) == [stored],
                      'the broken message is gone')


@tap.test
def epoll_loop():
    """epoll_loop serves, and drains at SIGTERM"""
    with running('epoll_loop', '0') as (child, port):
        with connected(port) as client, connected(port) as idle:
            client.mail('you@example.com')
            client.rcpt('a@example.org')
            equal(client.docmd('DATA')[0], 354, 'DATA')
            child.send_signal(signal.SIGTERM)
            equal(idle.getreply()[0], 421, 'the idle one')
            client.send(MESSAGE + b'.\r\n')
            equal(client.getreply()[0], 250, 'the busy one')
            client.close()
        equal(child.wait(30), 0, 'exit')
        equal(child.stderr.read(), '', 'complaints')


def post(port, path, recipients, message=MESSAGE, **fields):
    """One message over HTTP: the status, and X-Smtp-Reply."""
    head = {'Content-Type': 'message/rfc822',
            'X-Envelope-Sender': b64('you@example.com'),
            'X-Envelope-Recipient': ', '.join(map(b64, recipients))}
    head.update((name.replace('_', '-'), value)
                for name, value in fields.items())
    client = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    with contextlib.closing(client):
        client.request('POST', path, message, head)
        response = client.getresponse()
        response.read()
        return response.status, response.headers['X-Smtp-Reply']


def b64(text):
    return base64.b64encode(text.encode()).decode()


ACCEPTED = 200, '250; message="2.6.0 Message accepted for delivery"'


@tap.test
def two_edges():
    """two_edges has one policy at both, and its limit at one"""
    with running('two_edges', '0', '0') as (child, smtp_port):
        http_port = read_port(child)
        with connected(smtp_port) as client:
            equal(client.esmtp_features['size'], '1048576', 'limit')
            code, _ = send(client, 'you@example.com', ['a@example.org'])
            equal(code, 250, 'reply')
            client.mail('you@example.com')
            equal(client.rcpt('a@example.com'),
                  (550, b'5.7.1 Relaying denied'), 'refusal')
        equal(post(http_port, '/', ['a@example.org'], bytes(1 << 21)), ACCEPTED,
              'over HTTP')
        equal(post(http_port, '/', ['a@example.org', 'a@example.com']),
              (500, '550; message="5.7.1 Relaying denied"; command="RCPT"'),
              'refusal over HTTP')


@tap.test
def receive_http():
    """receive_http takes mail at its path for a tenant, once"""
    recipients = ['a@example.org']
    with tempfile.TemporaryDirectory() as folder:
        with running('receive_http', '0', folder=folder) as (_, port):
            equal(post(port, '/other', recipients)[0], 404, 'another path')
            status, reply = post(port, '/mail', recipients, X_Tenant='attic')
            equal((status, reply.split('; command')[0]),
                  (500, '550; message="5.7.1 Unknown tenant"'), 'refusal')
            answers = {post(port, '/mail', recipients, X_Tenant='garden',
                            Idempotency_Key='"1"') for _ in range(2)}
            (status, reply), = answers
            equal((status, reply[:20]), (200, '250; message="2.6.0 '), reply)
        stored, = (pathlib.Path(folder) / 'mail/new').iterdir()
        check(stored.read_bytes().endswith(MESSAGE), 'another message')
        check(stored.name.split('.')[1] in reply, 'the id is not %r' % reply)


@tap.test
def mounted_http():
    """mounted_http takes mail below its path, and serves others itself"""
    message = MESSAGE + 40000 * b'0123456789\r\n'
    with tempfile.TemporaryDirectory() as folder:
        with running('mounted_http', '0', folder=folder) as (_, port):
            equal(post(port, '/other', ['a@example.org']), (404, None), 'path')
            equal(post(port, '/mail', ['nonsense', 'a@example.org'])[0], 400,
                  'recipient')
            for octets in MESSAGE, message:
                equal(post(port, '/mail', ['a@example.org'], octets), ACCEPTED,
                      'answer')
            with socket.create_connection(('127.0.0.1', port), 30) as wire:
                wire.sendall(b'POST /mail HTTP/1.1\r\nHost: x\r\n'
                             b'X-Envelope-Recipient: %s\r\n'
                             b'Content-Length: 9\r\n\r\nhalf'
                             % b64('a@example.org').encode())
            equal(post(port, '/mail', ['a@example.org'])[0], 200, 'after that')
        stored = sorted((pathlib.Path(folder) / 'mail/new').iterdir(),
                        key=lambda path: path.stat().st_size)
        equal(len(stored), 3, 'messages')
        check(b'from [127.0.0.1] ([127.0.0.1])' in stored[0].read_bytes(),
              'another client')
        check(stored[2].read_bytes().endswith(message), 'another message')


@tap.test
def dnsbl():
    """dnsbl serves a loopback client, whom no list knows, and its resolver"""
    with running('dnsbl', '0', '127.0.0.1:1') as (_, port):
        with connected(port) as client:
            code, _ = send(client, 'you@example.com', ['a@example.org'])
        equal(code, 250, 'reply')
    with launched('dnsbl', '0', 'nonsense') as child:
        equal(child.stderr.readline(), "cannot receive mail: dns_servers: "
              "'nonsense' is no address of a name server\n", 'complaint')


def log_in(client, name, password, authzid=''):
    """The code of AUTH PLAIN, and what is said to MAIL then."""
    words = '%s\0%s\0%s' % (authzid, name, password)
    code, _ = client.docmd(
        'AUTH', 'PLAIN ' + base64.b64encode(words.encode()).decode())
    reply = client.mail('you@example.com')
    client.rset()
    return code, reply[0]


@tap.test
def check_login():
    """check_login knows two people, who act as themselves"""
    with running('check_login', '0') as (_, port):
        with connected(port) as client:
            equal(client.esmtp_features['auth'].split(), ['PLAIN', 'LOGIN'],
                  'offered')
            equal(client.mail('you@example.com'),
                  (550, b'5.7.1 Sender not allowed'), 'before AUTH')
            for name, password, authzid in (
                    ('tim', 'Sesame', ''), ('tim', 'open it', ''),
                    ('nobody', 'sesame', ''), ('tim', 'sesame', 'ursel')):
                equal(log_in(client, name, password, authzid), (535, 550),
                      '%s as %r' % (name, authzid))
            equal(log_in(client, 'tim', 'sesame', 'tim'), (235, 250), 'tim')
        with connected(port) as client:
            client.user, client.password = 'ursel', 'open it'
            equal(client.auth('LOGIN', client.auth_login)[0], 235, 'ursel')
            code, _ = send(client, 'you@example.com', ['a@example.org'])
            equal(code, 250, 'reply')


@tap.test
def slow_login():
    """slow_login answers from its worker, and survives a client that left"""
    with running('slow_login', '0') as (_, port):
        with connected(port) as client:
            for name, password, authzid in (
                    ('tim', 'Sesame', ''), ('nobody', 'sesame', ''),
                    ('tim', 'sesame', 'ursel')):
                equal(log_in(client, name, password, authzid)[0], 535, name)
            client.putcmd('AUTH', 'PLAIN ' + base64.b64encode(
                b'\0tim\0sesame').decode())
            client.close()
        with connected(port) as client:
            equal(log_in(client, 'tim', 'sesame')[0], 235, 'tim')
            code, _ = send(client, 'you@example.com', ['a@example.org'])
            equal(code, 250, 'reply')


def trusting():
    context = ssl.create_default_context(cafile=CERTIFICATES / 'ca.pem')
    context.check_hostname = False
    return context


def submits_with_starttls(port):
    """Nothing but STARTTLS in the clear."""
    with connected(port) as client:
        equal(client.mail('you@example.com')[0], 530, 'in the clear')
        client.starttls(context=trusting())
        client.ehlo()
        offered = client.esmtp_features['auth'].split()
        check('SCRAM-SHA-256' in offered and 'PLAIN' in offered, offered)
        equal(log_in(client, 'tim', 'Sesame'), (535, 550), 'wrong')
        equal(log_in(client, 'nobody', 'sesame'), (535, 550), 'nobody')
        equal(log_in(client, 'tim', 'sesame'), (235, 250), 'tim')
        code, _ = send(client, 'you@example.com', ['a@example.org'])
        equal(code, 250, 'reply')


def subject_at(port):
    """Whose certificate it is where TLS comes at once."""
    with smtplib.SMTP_SSL('127.0.0.1', port, timeout=30,
                          context=trusting()) as client:
        return dict(x[0] for x in client.sock.getpeercert()['subject'])


def submits_with_scram(port):
    """TLS at once, and msmtp."""
    return subprocess.run(
        ['msmtp', '--host=127.0.0.1', '--port=%d' % port,
         '--auth=on', '--tls=on', '--tls-starttls=off',
         '--tls-trust-file=%s' % (CERTIFICATES / 'ca.pem'),
         '--tls-host-override=mx.example.com', '--user=tim',
         '--passwordeval=echo sesame', '--from=a@example.com',
         'b@example.org'], input=MESSAGE, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@tap.test
def submission():
    """submission takes mail over TLS from whom it knows; renews at SIGHUP"""
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ('used.pem', 'used.key')]

        def install(name):
            for file in files:
                shutil.copy(CERTIFICATES / (name + file.suffix), file)
        install('server')
        with running('submission', '0', '0', *files) as (child, port):
            other = read_port(child)
            submits_with_starttls(port)
            if shutil.which('msmtp') is not None:
                done = submits_with_scram(other)
                equal((done.returncode, done.stdout), (0, b''), 'msmtp')
            with smtplib.SMTP_SSL('127.0.0.1', other, timeout=30,
                                  context=trusting()) as old:
                old.ehlo()
                install('second')
                child.send_signal(signal.SIGHUP)
                tap.until(lambda: subject_at(other)['commonName']
                          == 'other.example.org', 'the new certificate')
                equal(log_in(old, 'tim', 'sesame'), (235, 250), 'the old one')
                files[1].write_text('')
                child.send_signal(signal.SIGHUP)
                check(str(files[1]) in child.stderr.readline(), 'no complaint')
            child.stderr.readline()  # of the other edge
            equal(subject_at(other)['commonName'], 'other.example.org', 'stays')
            ends_well(child)


@tap.test
def submission_usage():
    """submission says what it lacks"""
    for arguments, words in (
            ([], b'four arguments'),
            (['0', '0', '/nowhere.pem', '/nowhere.key'], b'/nowhere.pem')):
        done = subprocess.run([EXAMPLES / 'submission', *arguments], timeout=60,
                              stderr=subprocess.PIPE)
        equal((done.returncode, words in done.stderr), (1, True), done.stderr)


@tap.test
def gateway():
    """gateway hands on what it is given over TLS by whom it knows"""
    files = [CERTIFICATES / name for name in ('server.pem', 'server.key')]
    with running('refuse_sender', '0') as (_, mta), \
            running('gateway', '0', *files, '127.0.0.1:%d' % mta) as (_, port):
        with connected(port) as client:
            equal(client.mail('you@example.com')[0], 530, 'in the clear')
            client.starttls(context=trusting())
            client.ehlo()
            equal(log_in(client, 'tim', 'Sesame'), (535, 550), 'wrong')
            client.login('tim', 'sesame')
            equal(client.mail('spammer@example.com'),
                  (550, b'5.7.1 Sender not allowed'), 'in the words of the MTA')
            code, text = send(client, 'you@example.com', ['a@example.org'])
            equal(code, 250, text)
    with running('gateway', '0', *files, '127.0.0.1:%d' % mta) as (_, port):
        with connected(port) as client:
            client.starttls(context=trusting())
            client.ehlo()
            client.login('tim', 'sesame')
            equal(client.mail('you@example.com')[0], 451, 'the MTA is gone')


def read_event(child, name):
    """The next event of that name, with the lines before it passed over."""
    for line in child.stderr:
        event = json.loads(line)
        if event['event'] == name:
            return event
    raise tap.Failure('no event %s' % name)


@tap.test
def watch():
    """watch tells events as JSON, and counts at SIGUSR1"""
    with launched('watch', '0') as child:
        address = read_event(child, 'listening')['address']
        with connected(int(address.rsplit(':')[-1])) as client:
            session = read_event(child, 'connect')['session']
            send(client, 'you@example.com', ['a@example.org'])
            event = read_event(child, 'message')
            equal((event['session'], event['code'], event['bytes']),
                  (session, 250, len(MESSAGE)), 'message')
        equal(read_event(child, 'closed')['session'], session, 'closed')
        child.send_signal(signal.SIGUSR1)
        accepted = 'slimta_messages_accepted_total{edge="mx"} 1\n'
        check(accepted in iter(child.stdout.readline, ''), 'not counted')
        child.send_signal(signal.SIGTERM)
        read_event(child, 'stopped')
        equal(child.wait(30), 0, 'exit')


PAGE = 75


def greeting_behind(port, header):
    with socket.create_connection(('127.0.0.1', port), 30) as wire:
        wire.sendall(header)
        return wire.makefile('rb').readline()


@tap.test
def behind_proxy():
    """behind_proxy prints who came, and through whom"""
    with running('behind_proxy', '0') as (child, port):
        reply = greeting_behind(port, b'PROXY TCP4 192.0.2.7 192.0.2.1 9 25'
                                b'\r\n')
        check(reply.endswith(b' ESMTP Mail Gateway\r\n'), reply)
        line = child.stdout.readline()
        check(line.startswith('192.0.2.7:9 came through 127.0.0.1:'), line)
        equal(greeting_behind(port, b'\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'),
              b'220 Alive\r\n', 'the reply to a health check')


@tap.test
def under_a_page():
    """no example is longer than a page"""
    programs = {p.name: p.read_text()
                for p in (SOURCE / 'examples').glob('*.c*')}
    sizes = {name: text.count('\n') for name, text in programs.items()
             if re.search(r'^int main', text, re.M)}
    check(len(sizes) > 8, 'found only %s' % sorted(sizes))
    equal({n: s for n, s in sizes.items() if s > PAGE}, {}, 'too long')


@tap.test
def all_examples():
    """every example has its test here"""
    programs = {p.stem for p in (SOURCE / 'examples').glob('*.c*')
                if re.search(r'^int main', p.read_text(), re.M)}
    equal(sorted(p for p in programs if p not in globals()), [], 'without')


@tap.test
def port_in_use():
    """an example that cannot listen says why"""
    with running('receive', '0') as (_, port):
        done = subprocess.run(
            [EXAMPLES / 'refuse_sender', str(port)], timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(done.returncode, 1, 'exit')
    check(re.fullmatch(rb'cannot receive mail: .*\d.*\n', done.stderr),
          'it said %r' % done.stderr)


def curl_line(name, pattern):
    text = (SOURCE / name).read_text()
    found = re.search(pattern, text, re.M | re.S)
    check(found, 'no curl line in %s' % name)
    return found.group()


def deliver(program, command, *arguments):
    """Gives the shell the line, with another port, and looks for the mail."""
    with tempfile.TemporaryDirectory() as folder:
        with running(program, '--listen', '127.0.0.1:0', *arguments,
                     folder=folder) as (child, port):
            subprocess.run(
                ['sh', '-ec', re.sub(r':(2525|8025)\b', ':%d' % port, command)],
                check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=60)
            child.send_signal(signal.SIGINT)
            equal(child.wait(30), 0, 'exit')
        stored = list((pathlib.Path(folder) / 'mail/new').iterdir())
        equal(len(stored), 1, 'messages')
        check(stored[0].read_bytes().endswith(MESSAGE), 'another message')


SMTP_LINE = r'printf .Subject[^\n]*2525$'
HTTP_LINE = r'printf .Subject[^\n]*8025/$'


@tap.test
def lines_of_dev_run():
    """the curl lines of ./dev run deliver a mail to ./mail"""
    deliver('slimta-smtpd', curl_line('dev', SMTP_LINE))
    deliver('slimta-httpd', curl_line('dev', HTTP_LINE))


@contextlib.contextmanager
def both_served(folder):
    """What ./dev run does when all is built, on ports of its own; the lines
    that it says, the first two when both listen."""
    text = curl_line('dev', r'^serve_both\(\) \{.*?^\}$')
    build = pathlib.Path(folder, 'build')
    build.mkdir()
    (build / 'examples').symlink_to(EXAMPLES)
    for end in 'pem', 'key':
        (build / ('localhost.' + end)).symlink_to(
            CERTIFICATES / ('leaf.' + end))
    text = re.sub(r'127\.0\.0\.1:\d+', '127.0.0.1:0', text)
    child = subprocess.Popen(['sh', '-euc', text + '\nserve_both'], cwd=folder,
                             stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    with child:
        try:
            yield child, {read_port(child), read_port(child)}
        finally:
            child.terminate()
            child.wait(30)
            watchdog.cancel()


@tap.test
def dev_run_serves_both():
    """./dev run ends both servers when it is told to"""
    with tempfile.TemporaryDirectory() as folder:
        with both_served(folder) as (child, ports):
            greetings = sorted(greeting_behind(port, b'QUIT\r\n\r\n')
                               for port in ports)
            check(greetings[0].startswith(b'220 '), greetings)
            check(greetings[1].startswith(b'HTTP/1.1 400'), greetings)
            child.send_signal(signal.SIGTERM)
            equal(child.wait(30), 0, 'exit')
        for port in ports:
            with socket.socket() as probe:
                check(probe.connect_ex(('127.0.0.1', port)) != 0, 'it serves')


def dialogue(text):
    """What a chapter shows of a shell, its commands without the "$ "."""
    shown = ''.join(re.findall(r'^```console\n(.*?)^```$', text, re.M | re.S))
    commands = re.findall(r'^\$ ((?:.*\\\n)*.*\n)', shown, re.M)
    return shown, commands


def without_times(text):
    """Dates and ids are others each time."""
    text = re.sub(r'(?m)^Date: .*$', 'Date: now', text)
    return re.sub(r'queued as [\w.-]+', 'queued as ID', text)


@tap.test
def dialogue_of_the_guide():
    """the curl dialogue of the guide's HTTP chapter happens as it is shown"""
    shown, commands = dialogue((SOURCE / 'docs/guide/http.md').read_text())
    check(len(commands) > 5, commands)
    with tempfile.TemporaryDirectory() as folder:
        with running('receive_http', '0', folder=folder) as (_, port):
            script = ''.join(
                "cat <<'END'\n$ %sEND\n%s" % (command, command)
                for command in commands)
            done = subprocess.run(
                ['sh', '-c', script.replace(':8025', ':%d' % port)],
                cwd=folder, timeout=60, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, check=True)
    said = done.stdout.decode().replace('\r\n', '\n')
    equal(without_times(said.replace(':%d' % port, ':8025')),
          without_times(shown), 'the dialogue')


@tap.test
def tls_of_dev_run():
    """what ./dev run adds for TLS fits the certificate that it makes"""
    make = curl_line('dev', r'^make_certificate\(\) \{.*?^\}$')
    option = curl_line('dev', r'--ssl-reqd --cacert [\w/.]+')
    line = curl_line('dev', SMTP_LINE)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, 'build').mkdir()
        subprocess.run(['sh', '-euc', make + '\nmake_certificate'], check=True,
                       cwd=folder, timeout=60)
        build = folder + '/build/'
        line = line.replace('curl ', 'curl %s ' % option)
        deliver('slimta-smtpd', line.replace('build/', build),
                '--tls-cert', build + 'localhost.pem',
                '--tls-key', build + 'localhost.key')


@tap.test
def lines_of_the_manuals():
    """the curl lines of both manuals deliver a mail"""
    for program, end in ('slimta-smtpd', '2525'), ('slimta-httpd', '8025/'):
        lines = curl_line('docs/man/%s.1' % program,
                          r'^printf .Subject.*?:%s$' % end)
        deliver(program, lines.replace('\\e', '\\'))


tap.main()
