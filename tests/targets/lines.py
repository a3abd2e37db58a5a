"""Allocates much from a handful of lines, in the ways programs do.

No Python function and no method is called on the lines that count.  On lines that
do, memray counts more than we do: its profile function makes the interpreter
allocate a bound method for each method called (shown by capturing the program
under memray); what it adds for calls of Python functions is not accounted for.
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
