"""What a Python program says itself, by ctypes.  Sizes say which object is which:
a bytearray of n has n + 1, a Thing (seven slots) 88."""
import ctypes
import sys

mp = ctypes.CDLL(None)
if not hasattr(mp, "mp_mark"):
    print("untraced")
    sys.exit(0)
mp.mp_mark.argtypes = [ctypes.c_char_p, ctypes.c_int64]
mp.mp_mark.restype = None


def made(n):
    return bytearray(n)


class Thing:
    __slots__ = ("pad0", "pad1", "pad2", "pad3", "pad4", "pad5", "pad6")


def things(n):
    return [Thing() for _ in range(n)]


before = made(100001)
small = things(1000)
mp.mp_mark(b"load", -(1 << 40))
kept = made(100002)
mp.mp_mark(b"done", 1)
mp.mp_pause()
del before
del small
unseen = made(100003)
hidden = things(2000)
kept.extend(made(300000))
mp.mp_resume()
mp.mp_mark(b"go on", 2)
del unseen
del hidden
again = things(3000)
last = made(100004)
mp.mp_mark(b"end", 3)
