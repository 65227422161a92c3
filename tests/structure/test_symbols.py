"""What the library gives, and what it takes, by its symbols."""

import re

import tap
from project import CC, PURE_LIBRARIES, release, run, sources
from tap import check, equal

# A pure room answers to its arguments alone.
NOT_PURE = r'''
    uv_.* socket socketpair connect accept4? bind listen shutdown
    (send|recv)(to|from|msg|mmsg)? [gs]etsockopt getsockname getpeername
    getaddrinfo getnameinfo gethost.* poll ppoll select epoll_.* eventfd
    fopen(64)? fclose fread fwrite f?printf v?f?printf puts fputs putchar
    perror __(v?f?)printf_chk
    time clock clock_gettime gettimeofday nanosleep usleep sleep
    gmtime(_r)? localtime(_r)? mktime tzset strftime
    s?rand(_r)? s?random(_r)? getrandom getentropy arc4random.*
    (secure_)?getenv setenv putenv unsetenv setlocale newlocale uselocale
    localeconv __ctype_.* isal.* tolower toupper strcasecmp strncasecmp
    strcoll sscanf __isoc.*scanf atoi atol strtok(_r)?
    pthread_.* getpid gethostname signal sigaction raise kill
'''.split()

# The pure rooms touch no file: a content's store is brought along. But for the
# certificates that a host names, read when it makes a context.
READS_FILES = {('open', 'tls_source.c.o'), ('open64', 'tls_source.c.o'),
               ('read', 'tls_source.c.o'), ('close', 'tls_source.c.o')}
FILES = r'''
    open(at)?(64)? creat(64)? close read write p(read|write)v?(64)? readv writev
    lseek(64)? f?stat(at)?(64)? unlink(at)? rename(at2?)? mkdir(at)?
    f(data)?sync f?truncate(64)? dup[23]? fcntl(64)? ioctl mmap(64)?
'''.split()

# What no host wants of a library inside it: its end, its signals, processes,
# working directory, umask, environment, locale, standard streams, descriptors
# and limits; and what is one for the whole process.
NOT_IN_A_HOST = r'''
    abort _?exit _Exit quick_exit at_quick_exit atexit on_exit __cxa_atexit
    __assert_fail (sig)?longjmp
    signal sigaction sigprocmask sigaltstack sigwait(info)? sigtimedwait sigpending
    sigsuspend siginterrupt signalfd raise kill killpg alarm setitimer
    fork vfork _Fork clone3? exec[lv].* fexecve posix_spawn.* system popen pclose
    wait waitpid waitid daemon setsid setpgid pthread_atfork ptrace prctl
    chdir fchdir chroot umask set(e|re|res)?[ug]id setrlimit(64)? nice setpriority
    setlocale uselocale setenv unsetenv putenv clearenv (secure_)?getenv environ
    v?printf puts putchar fputs fputc putc vprintf perror __v?printf_chk
    stdout stderr stdin freopen(64)? setvbuf (v?syslog|openlog) psignal
    dup[23] mtrace mallopt mlockall dlopen
    s?rand srandom random drand48 strtok gmtime localtime asctime ctime strerror
    getopt.* tzset
    uv_signal_.* uv_spawn uv_kill uv_chdir uv_os_(un)?setenv uv_default_loop
    uv_replace_allocator uv_set_process_title uv_setup_args
    uv_disable_stdio_inheritance uv_library_shutdown uv_os_setpriority uv_tty_.*
'''.split()

# A new thread, and the mask of signals that it begins with.
THREADS = r'''
    pthread_create thrd_create uv_thread_create(_ex)? clone3?
    pthread_(attr_)?setsigmask(_np)? pthread_sigmask sigprocmask
    pthread_kill pthread_cancel pthread_exit pthread_setname_np
'''.split()
MAKES_THREADS = 'io_thread.c.o'


def bare(symbol):
    """Without the version: "poll@GLIBC_2.2.5"."""
    return symbol.split('@')[0]


def undefined(arguments, file):
    """What a file uses, and where: pairs of symbol and object."""
    lines = run(['nm', '-A'] + arguments + ['--undefined-only', file])
    found = re.findall(r'^(.*):\s+[Uvw] (\S+)$', lines, re.M)
    return {(bare(name), re.split('[/:]', where)[-1]) for where, name in found}


def matching(used, patterns):
    return sorted('%s in %s' % pair for pair in used
                  if any(re.fullmatch(p, pair[0]) for p in patterns))


def shared():
    return release() / 'lib/libslimta-edge.so'


def exported():
    lines = run(['nm', '-D', '--defined-only', shared()]).split('\n')
    return {bare(line.split()[-1]) for line in lines
            if line and line.split()[-2] != 'A'}


@tap.test
def only_ours():
    """the shared library exports smtp_edge_*, http_edge_*, slimta_* only"""
    names = exported()
    check(len(names) > 10, 'hardly anything is exported: %s' % names)
    equal([n for n in sorted(names)
           if not re.match(r'(smtp_edge|http_edge|slimta)_', n)], [], 'more')


@tap.test
def all_declared():
    """what a public header declares is exported, and nothing else is"""
    declared = {name for _, text in sources('include')
                for name in re.findall(
                    r'SLIMTA_API\b[^;]*?\b(\w+)\(', text, re.S)
                if name not in ('SLIMTA_API', '__attribute__')}
    equal(sorted(declared - exported()), [], 'declared, not there')
    equal(sorted(exported() - declared), [], 'there, not declared')


@tap.test
def soname():
    """the shared library has its SONAME"""
    text = run(['readelf', '-d', shared()])
    check('[libslimta-edge.so.0]' in text, text)


@tap.test
def hidden_inside():
    """the static library's other symbols have a prefix of ours"""
    lines = run(['nm', '-g', '--defined-only',
                 release() / 'lib/libslimta-edge.a']).split('\n')
    names = {line.split()[-1] for line in lines if len(line.split()) == 3}
    equal(sorted(n for n in names if not re.match(
        r'(smtp_edge|http_edge|slimta|sli)_', n)), [], 'unprefixed')


@tap.test
def pure_without_libuv():
    """the pure rooms link without libuv"""
    archive = release() / 'lib/libslimta-edge-pure.a'
    run(CC + ['-x', 'c', '-', '-x', 'none', '-Wl,--whole-archive', archive,
              '-Wl,--no-whole-archive', '-o', '/dev/null'] + PURE_LIBRARIES,
        input='int main(void)\n{\n    return 0;\n}\n')


@tap.test
def pure_is_pure():
    """the pure rooms use no socket, clock, randomness, environment, locale"""
    used = undefined([], release() / 'lib/libslimta-edge-pure.a')
    check(len(used) > 10, 'hardly anything is used: %s' % used)
    equal(matching(used, NOT_PURE), [], 'used')


@tap.test
def no_files():
    """the pure rooms touch no file"""
    used = undefined([], release() / 'lib/libslimta-edge-pure.a')
    equal(matching(used - READS_FILES, FILES), [], 'used')


@tap.test
def harmless():
    """the library uses nothing that would harm its host"""
    used = undefined(['-D'], shared())
    check(len(used) > 10, 'hardly anything is used: %s' % used)
    equal(matching(used, NOT_IN_A_HOST), [], 'used')


@tap.test
def threads_in_one_place():
    """only the file for threads makes one, or touches a mask of signals"""
    used = undefined([], release() / 'lib/libslimta-edge.a')
    where = {place for name, place in used if name == 'pthread_create'}
    equal(where, {MAKES_THREADS}, 'what uses pthread_create')
    equal(matching({pair for pair in used if pair[1] != MAKES_THREADS},
                   THREADS), [], 'used')


@tap.test
def no_state():
    """nothing of the library changes for the whole process but session ids"""
    text = run(['nm', '-A', release() / 'lib/libslimta-edge.a'])
    check(' t ' in text, 'nm tells nothing')
    # .data.rel.ro is constant once it is loaded; nm calls it data too.
    changing = re.findall(r'^.*:(\S+):\S+ [bBsSgG] (\S+)$', text, re.M)
    equal(changing, [('edge_session.c.o', 'last_id')], 'changing')
    sections = run(['size', '-A', release() / 'lib/libslimta-edge.a'])
    data = re.findall(r'^(\.t?data(?!\.rel\.ro)\S*)\s+(\d+)', sections, re.M)
    equal([pair for pair in data if pair[1] != '0'], [], 'data')


tap.main()
