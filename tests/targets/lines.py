"""Allocates much from a handful of lines, in the ways programs do."""
import json


class Node:
    def __init__(self, value):
        self.value = value
        self.children = []


def build(n):
    return [Node(i * 1000003) for i in range(n)]


def text(n):
    return [str(i) * 20 for i in range(n)]


def numbers(n):
    out = {}
    for i in range(n):
        out["key%d" % i] = float(i)
    return out


def big(n):
    return [bytearray(100_000) for _ in range(n)]


def serialise(data):
    return json.loads(json.dumps(data))


def grow(n):
    out = []
    for i in range(n):
        out.append((i, i + 100000))
    return out


for _ in range(3):
    build(20_000)
    text(20_000)
    big(100)
    grow(20_000)
    serialise(numbers(20_000))
