"""Forked children of every end: exit, _exit, a child of their own, exec."""
import os
import sys

keep = [bytearray(1000) for _ in range(1000)]


def child(k):
    def f():
        return [bytearray(777000 + k) for _ in range(3)]
    f()
    exec(compile('bytearray(777100 + %d)' % k, 'child %d' % k, 'exec'))


for k in range(4):
    pid = os.fork()
    if pid == 0:
        child(k)
        if k == 1:
            os._exit(0)
        if k == 2:
            pid = os.fork()
            if pid == 0:
                child(10)
                sys.exit(0)
            os.waitpid(pid, 0)
        if k == 3:
            os.execv(sys.executable, [sys.executable, '-c', 'bytearray(777200)'])
        sys.exit(0)
    os.waitpid(pid, 0)
child(5)
