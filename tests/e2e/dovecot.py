"""A real Dovecot: LMTP, as a store and as a proxy; submission, as a relay."""

import socket
import subprocess

from daemon import Daemon
from name_server import free_port
from server import PATIENCE

PASSWORD = 'secret'

CONFIG = '''
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = lmtp submission
listen = 127.0.0.1
ssl = no
hostname = dovecot.example
default_internal_user = mail
default_internal_group = mail
default_login_user = nobody
first_valid_uid = 1
lmtp_proxy = yes
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
service lmtp {{
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission_port}
  }}
}}
'''

# The words that 2.4 has others for.
BEFORE_2_4 = '''
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
  override_fields = uid=nobody gid=nogroup home={folder}/mail/%u
}}
'''

SINCE_2_4 = '''
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
passdb passwd-file {{
  passwd_file_path = {folder}/users
}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
  fields {{
    uid = nobody
    gid = nogroup
    home = {folder}/mail/%{{user}}
  }}
}}
'''


def configuration(version):
    """From 2.4 on the first line has to say for which version it is."""
    major, minor = (int(number) for number in version.split('.')[:2])
    if (major, minor) < (2, 4):
        return CONFIG + BEFORE_2_4
    return ('dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n'
            + CONFIG + SINCE_2_4)


class Dovecot(Daemon):
    """`users` have a maildir in mail/ADDRESS; `proxied` have a port of
    127.0.0.1 where their mail is handed on over LMTP; submission goes on to
    `relay_port`. `more` is added to its configuration."""

    package = 'dovecot'
    program = '/usr/sbin/dovecot'

    def __init__(self, users=(), proxied=None, relay_port=0, more=''):
        super().__init__()
        self.lmtp_port = free_port()
        self.submission_port = free_port()
        self.lmtp_path = self.path('lmtp')
        self.mail = self.make_folder('mail', 'nobody', 0o700)
        lines = ['%s:{PLAIN}%s::::::' % (user, PASSWORD) for user in users]
        lines += ['%s:{PLAIN}::::::nopassword=y proxy=y host=127.0.0.1 '
                  'port=%d protocol=lmtp' % item
                  for item in (proxied or {}).items()]
        self.write('users', '\n'.join(lines) + '\n')
        self.write('dovecot.conf', configuration(self._version()).format(
            folder=self.folder, lmtp_port=self.lmtp_port,
            submission_port=self.submission_port, relay_port=relay_port)
            + more)

    def _version(self):
        return subprocess.run(
            self.before + [self.program, '--version'], timeout=PATIENCE,
            stdout=subprocess.PIPE, check=True).stdout.decode()

    def command(self):
        return ['-F', '-c', self.path('dovecot.conf')]

    def is_ready(self):
        try:
            with socket.create_connection(
                    ('127.0.0.1', self.lmtp_port), 5) as one:
                return one.recv(4) == b'220 '
        except OSError:
            return False
