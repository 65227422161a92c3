"""A real Postfix: takes mail over SMTP, hands it on or stores it."""

import os
import socket

from daemon import Daemon
from name_server import free_port

# Users of every Debian: Postfix wants three that are not the same, and its own
# are made only when it is installed.
OWNER, GROUP, NOBODY = 'mail', 'daemon', 'nobody'

MAIN = '''
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
meta_directory = {folder}/etc
mail_owner = {owner}
setgid_group = {group}
default_privs = {nobody}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
alias_maps =
alias_database =
local_recipient_maps =
notify_classes =
smtputf8_enable = yes
smtp_tls_security_level = none
smtpd_tls_security_level = none
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
'''

# name, type, how many at most, command
SERVICES = '''
pickup unix 1 pickup
cleanup unix 0 cleanup
qmgr unix 1 qmgr
rewrite unix - trivial-rewrite
bounce unix 0 bounce
defer unix 0 bounce
trace unix 0 bounce
verify unix 1 verify
flush unix 0 flush
proxymap unix - proxymap
proxywrite unix 1 proxymap
smtp unix - smtp
relay unix - smtp
showq unix - showq
error unix - error
retry unix - error
discard unix - discard
virtual unix - virtual
lmtp unix - lmtp
anvil unix 1 anvil
scache unix 1 scache
postlog unix-dgram 1 postlogd
'''

PUBLIC = {'pickup', 'cleanup', 'qmgr', 'flush', 'showq', 'postlog'}

# These become the mailbox's owner.
PRIVILEGED = {'virtual'}

QUEUE = ['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold',
         'incoming', 'pid', 'private', 'saved', 'trace', 'maildrop', 'public']


class Postfix(Daemon):
    """`main` are more lines of main.cf, with {folder}; `deliver` is the
    transport for all that does not stay, as `lmtp:unix:PATH`."""

    package = 'postfix'
    program = '/usr/lib/postfix/sbin/master'

    def __init__(self, *main, deliver='error:nowhere to go'):
        super().__init__()
        self.port = free_port()
        self.address = '127.0.0.1:%d' % self.port
        for name in 'etc', 'queue':
            self.make_folder(name)
        self.make_folder('data', OWNER, 0o700)
        for name in QUEUE:
            # The master makes and keeps its own there.
            self.make_folder('queue/' + name,
                             None if name == 'pid' else OWNER, 0o755)
        self.mail = self.make_folder('mail', NOBODY, 0o700)
        lines = [MAIN.format(folder=self.folder, owner=OWNER, group=GROUP,
                             nobody=NOBODY), 'default_transport = ' + deliver]
        lines += [line.format(folder=self.folder) for line in main]
        self.write('etc/main.cf', '\n'.join(lines) + '\n')
        self.write('etc/master.cf', self._services())

    def _services(self):
        lines = ['%s inet n - n - - smtpd' % self.address]
        for line in SERVICES.strip().split('\n'):
            name, kind, most, command = line.split()
            lines.append('%s %s %s %s n %s %s %s' % (
                name, kind, 'n' if name in PUBLIC else 'y',
                'n' if name in PRIVILEGED else 'y',
                '300' if name == 'qmgr' else '-', most, command))
        return '\n'.join(lines) + '\n'

    def command(self):
        return ['-c', self.path('etc'), '-d']

    def is_ready(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), 5) as one:
                return one.recv(4) == b'220 '
        except OSError:
            return False

    def queued(self):
        """How many messages it still has to hand on. A file that is not
        executable is none yet: nobody was told that it would be delivered."""
        count = 0
        for name in 'incoming', 'active', 'deferred':
            for folder, _, files in os.walk(self.path('queue', name)):
                for file in files:
                    count += is_executable(os.path.join(folder, file))
        return count


def is_executable(path):
    try:
        return os.stat(path).st_mode & 0o100 != 0
    except FileNotFoundError:
        return False


def mailboxes(domain, *users):
    """Lines of main.cf: these have a maildir in mail/USER/, nobody else."""
    names = ', '.join('{ %s@%s = %s/ }' % (user, domain, user)
                      for user in users)
    return ['virtual_mailbox_domains = ' + domain,
            'virtual_mailbox_base = {folder}/mail',
            'virtual_mailbox_maps = inline:{{ %s }}'
            % names.replace('{', '{{').replace('}', '}}'),
            'virtual_minimum_uid = 1',
            'virtual_uid_maps = static:65534',
            'virtual_gid_maps = static:65534']
