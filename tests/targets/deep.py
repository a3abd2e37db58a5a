"""Stacks deeper than the hook takes, and nearly so."""
import sys

sys.setrecursionlimit(5000)


def recurse(n):
    return recurse(n - 1) if n else bytearray(777000)


def generate(n):
    if n:
        yield from generate(n - 1)
    else:
        yield bytearray(777001)


recurse(1500)
recurse(1022)
list(generate(900))
