#!/usr/bin/env python3
"""follow.py - a program on a terminal of its own, fed, typed to and looked at.

follow.py [-s ROWSxCOLS] [-f FILE] COMMAND... :: STEP [ARG] :: STEP [ARG] ...

FILE is a .mp; COMMAND's stdin is a pipe this program writes blocks of it into.  What is
waited for has a deadline, nothing is a matter of time.  A terminal that is not left as
it was is a failure.  Prints what is on the normal screen in the end.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

DEADLINE = 30
MARKER = bytes.fromhex('d76d700d0a1a9e43b158e62fc48a7015')
CLEAR, ENTER, LEAVE = b'\x1b[H\x1b[J', b'\x1b[?1049h\x1b[?25l\x1b[?7l', b'\x1b[?7h\x1b[?25h\x1b[?1049l'


def fail(what):
    print('follow.py: ' + what, file=sys.stderr)
    print(output.rsplit(CLEAR, 1)[-1].decode(errors='replace').replace('\x1b', '^['), file=sys.stderr)
    os.kill(program, signal.SIGKILL)
    sys.exit(1)


def shell(command, stdin, tell):
    """A session leader that starts COMMAND in the foreground and takes the terminal
    back when it stops, as a shell does; SIGUSR1 continues it."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.tcsetpgrp(1, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.dup2(stdin, 0)
        os.execvp(command[0], command)
    def go(*_):
        os.tcsetpgrp(1, child)
        os.kill(child, signal.SIGCONT)
    signal.signal(signal.SIGUSR1, go)
    os.write(tell, b'%d\n' % child)
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        os.tcsetpgrp(1, os.getpgrp())
        if not os.WIFSTOPPED(status):
            os.write(tell, b'%d\n' % os.waitstatus_to_exitcode(status))
            signal.pause()
        os.write(tell, b'stopped\n')


def read_some():
    global output
    if select.select([screen], [], [], 0.05)[0]:
        try:
            output += os.read(screen, 65536)
        except OSError:
            pass


def until(what, true):
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            fail('no ' + what)
        read_some()


def frame():
    text = output.rsplit(CLEAR, 1)[-1] if CLEAR in output else b''
    return re.sub(rb'\x1b\[[0-9;]*m', b'', text).decode(errors='replace').replace('\r', '')


def told():
    """The next line of the shell's."""
    line = b''
    end = time.monotonic() + DEADLINE
    while not line.endswith(b'\n'):
        if time.monotonic() > end:
            fail('the program neither stops nor ends')
        if select.select([ear], [], [], 0.05)[0]:
            line += os.read(ear, 1)
        read_some()
    while select.select([screen], [], [], 0.05)[0]:
        read_some()
    return line.decode().strip()


def as_before():
    if termios.tcgetattr(screen) != before:
        fail('the terminal is not as it was')
    if output.count(ENTER) != output.count(LEAVE):
        fail('the other screen is still there')


def step(name, arg):
    if name == 'feed':          # blocks FROM-TO of the file, or all from FROM on
        first, _, last = arg.partition('-')
        os.write(feed, data[at[int(first)]:at[int(last) + 1] if last else len(data)])
    elif name == 'close':
        os.close(feed)
    elif name == 'see':         # the frame shows ARG
        until('"%s" on the screen' % arg, lambda: re.search(arg, frame(), re.M))
    elif name == 'frames':      # ARG more of them
        n = output.count(CLEAR) + int(arg)
        until('%s more frames' % arg, lambda: output.count(CLEAR) >= n)
    elif name == 'not':
        if re.search(arg, frame(), re.M):
            fail('"%s" is on the screen' % arg)
    elif name == 'fits':        # lines and columns of the last frame
        read = frame().split('\n')
        if len(read) > rows or max(map(len, read)) > cols:
            fail('the frame is larger than the screen')
    elif name == 'key':
        os.write(screen, arg.encode())
    elif name == 'kill':
        os.kill(program, getattr(signal, 'SIG' + arg))
    elif name == 'size':
        resize(arg)
    elif name == 'stopped':
        if told() != 'stopped':
            fail('it does not stop')
        as_before()
        os.kill(leader, signal.SIGUSR1)
    elif name == 'end':
        status = told()
        if status != arg:
            fail('exit status %s, not %s' % (status, arg))
        as_before()
    else:
        fail('what is ' + name)


def resize(arg):
    global rows, cols
    rows, cols = map(int, arg.split('x'))
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack('HHHH', rows, cols, 0, 0))


args, size, data, at = sys.argv[1:], '24x100', b'', []
while args[0] in ('-s', '-f'):
    if args[0] == '-s':
        size = args[1]
    else:
        data = open(args[1], 'rb').read()
        at = [m.start() - 8 for m in re.finditer(re.escape(MARKER), data)]
    args = args[2:]
command = args[:args.index('::')]
steps = ' '.join(args[args.index('::') + 1:]).split(' :: ')
stdin, feed = os.pipe()
ear, tell = os.pipe()
output, program = b'', 0
go, ready = os.pipe()
leader, screen = pty.fork()
if not leader:
    os.read(go, 1)
    os.close(feed)
    shell(command, stdin, tell)
os.close(stdin)
resize(size)
before = termios.tcgetattr(screen)
os.write(ready, b'.')
program = int(told())
for s in steps:
    step(*(s.split(' ', 1) + [''])[:2])
os.kill(leader, signal.SIGKILL)
sys.stdout.write(output.rsplit(LEAVE, 1)[-1].decode(errors='replace').replace('\r', ''))
