"""Threads that wait, each somewhere else; prints the stack of each as the interpreter
tells it, "thread TID file:line:name;…" innermost first, then "ready"; ends with stdin."""
import asyncio
import queue
import select
import socket
import sys
import threading
import time

held = threading.Lock()
held.acquire()
pair = socket.socketpair()


def deep(n):
    if n:
        return deep(
            n - 1)
    held.acquire()


def generator():
    yield 1
    yield held.acquire()


class Größe:
    def __lt__(self, other):
        return held.acquire()

    def __del__(self):
        held.acquire()


def deleting():
    x = Größe()
    del x


async def task():
    await asyncio.sleep(10000)


async def tasks():
    await asyncio.gather(task(), task())


def executed():
    exec(compile('\n\ndef f(lock):\n  lock.acquire()\nf(lock)', '<名 \U0001f600>', 'exec'),
         {'lock': held})


waits = [
    lambda: deep(0), lambda: deep(20), lambda: deep(900),
    lambda: list(generator()),
    lambda: sorted([Größe(), Größe()]),
    lambda: sorted([1], key=lambda x: held.acquire()),
    lambda: [[held.acquire() for _ in (1,)] for _ in (1,)],
    lambda: {held.acquire(): 1 for _ in (1,)},
    lambda: list(map(lambda x: held.acquire(), (1,))),
    deleting,
    lambda: queue.Queue().get(),
    lambda: threading.Event().wait(),
    lambda: time.sleep(10000),
    lambda: select.select([pair[0]], [], []),
    lambda: pair[1].recv(1),
    lambda: asyncio.run(tasks()),
    executed,
]
threads = [threading.Thread(target=w, daemon=True) for w in waits]
for t in threads:
    t.start()


def stacks():
    frames, out = sys._current_frames(), []
    for t in threads:
        f, text = frames[t.ident], ''
        while f:
            code = f.f_code
            name = getattr(code, 'co_qualname', code.co_name)
            text += '%s:%d:%s;' % (code.co_filename, f.f_lineno or 0, name)
            f = f.f_back
        out.append('thread %d %s\n' % (t.native_id, text))
    return out


seen = None
while stacks() != seen:         # until all wait
    seen = stacks()
    time.sleep(0.2)
sys.stdout.buffer.write(''.join(seen).encode('utf-8', 'replace') + b'ready\n')
sys.stdout.buffer.flush()
sys.stdin.read()
