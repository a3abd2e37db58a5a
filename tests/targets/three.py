"""Keeps objects alive from three known lines; prints what each is charged with.

argv[1]: "globals" or "running": what holds them when the program ends.
Output: one line each: NAME BYTES COUNT.  The containers are made beforehand, on
other lines, so that a line holds the objects and nothing else.
"""
import sys

try:
    import numpy
except ImportError:
    numpy = None

N = 5000


def fill_bytes(keep):
    for i in range(N):
        keep[i] = bytes(1000 + i % 7)  # LINE:bytes


def fill_dict(keep):
    for i in range(N):
        keep[i] = "%0600d" % i  # LINE:dict


def fill_array(keep):
    keep[0] = numpy.ones(250000)  # LINE:array


def expect():
    size = sys.getsizeof
    print("bytes", sum(size(bytes(1000 + i % 7)) for i in range(N)), N)
    print("dict", N * size("%0600d" % 0), N)
    if numpy is not None:
        print("array", 250000 * 8, 1)


def run(a, b, c, mode):
    fill_bytes(a)
    fill_dict(b)
    if numpy is not None:
        fill_array(c)
    expect()
    sys.stdout.flush()
    if mode == "running":
        sys.exit(0)


held = [None] * N
table = dict.fromkeys(range(N))
arrays = [None]
if sys.argv[1] == "globals":
    run(held, table, arrays, "globals")
else:
    del held, table, arrays
    run([None] * N, dict.fromkeys(range(N)), [None], "running")
