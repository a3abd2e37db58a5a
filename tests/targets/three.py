"""Keeps objects alive from three known lines; prints what each is charged with.

argv[1]: what holds them when the program ends: "globals", a function still
"running" when the process exits, or one running in a daemon "thread".
Output: one line each: NAME BYTES COUNT.  The containers are made beforehand, on
other lines, so that a line holds the objects and nothing else.
"""
import os
import sys
import threading
import time

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
        os._exit(0)
    if mode == "thread":
        ready.set()
        time.sleep(1000)


ready = threading.Event()
held = [None] * N
table = dict.fromkeys(range(N))
arrays = [None]
mode = sys.argv[1]
if mode == "globals":
    run(held, table, arrays, mode)
else:
    del held, table, arrays
if mode == "running":
    run([None] * N, dict.fromkeys(range(N)), [None], mode)
if mode == "thread":
    threading.Thread(target=lambda: run([None] * N, dict.fromkeys(range(N)), [None], mode),
                     daemon=True).start()
    ready.wait()
