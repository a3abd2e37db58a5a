"""Two chains of calls in turn, as fast as it goes, for argv[1] seconds: a stack read from
both would have a frame of one above a frame of the other."""
import sys
import time


def leaf_a():
    pass


def leaf_b():
    pass


def middle_a():
    leaf_a()


def middle_b():
    leaf_b()


def run(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(1000):
            middle_a()
            middle_b()


print('ready', flush=True)
run(float(sys.argv[1]))
