"""Allocates much from a handful of lines, in the ways programs do.

No Python function and no method is called on the lines that count: while memray
watches, its profile function makes the interpreter allocate a frame object for
each such call and a bound method for each method called, on the caller's line.
"""


class Node:
    pass


def build(n):
    return [Node() for i in range(n)]


def text(n):
    return [str(i) * 20 for i in range(n)]


def numbers(n):
    out = {}
    for i in range(n):
        out["key%d" % i] = i * 1.5
    return out


def big(n):
    return [bytearray(100_000) for _ in range(n)]


def pairs(n):
    out = []
    for i in range(n):
        out += [(i, i + 100000)]
    return out


def slices(n):
    out = None
    for i in range(n):
        out = [None] * 300
    return out


for _ in range(3):
    build(20_000)
    text(20_000)
    numbers(20_000)
    big(100)
    pairs(80_000)
    slices(20_000)
