"""pprof_write.py - messages of pprof's profile.proto, field by field, for the tests.

The program writes a profile that uses most of what the format has."""
import sys


def varint(v):
    v &= (1 << 64) - 1
    out = b""
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def num(field, v):
    return varint(field << 3) + varint(v)


def msg(field, *parts):
    data = b"".join(p.encode() if isinstance(p, str) else p for p in parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


def packed(field, *numbers):
    return msg(field, *map(varint, numbers))


STRINGS = ["", "alloc_space", "bytes", "inuse_space", "cpu", "nanoseconds", "main", "main.c",
           "inner", "inner.h", "/usr/bin/prog", "abcd", "run", "app.py", "thread", "worker",
           "pid", "ready", "command: prog --all", "just so", "_ZL1fv", "f", "kind", "malloc"]
S = STRINGS.index


def small():
    types = [msg(1, num(1, S("alloc_space")), num(2, S("bytes"))),
             msg(1, num(1, S("inuse_space")), num(2, S("bytes"))),
             msg(1, num(1, S("cpu")), num(2, S("nanoseconds")))]
    samples = [
        # a label of ours, one of another kind; a stack of an inlined call
        msg(2, packed(1, 1, 3), packed(2, 100, 50, 7),
            msg(3, num(1, S("thread")), num(2, S("worker"))),
            msg(3, num(1, S("kind")), num(2, S("malloc"))),
            msg(3, num(1, S("ready")), num(3, 1))),
        # not packed, a negative value, an id that is no index
        msg(2, num(1, 999), num(1, 3), num(2, 10), num(2, -20), num(2, 0),
            msg(3, num(1, S("pid")), num(3, 42))),
        msg(2, packed(2, 1, 1, 1)),
    ]
    mappings = [msg(3, num(1, 1), num(2, 0x7f0000000000), num(3, 0x7f0000100000), num(4, 0x1000),
                    num(5, S("/usr/bin/prog")), num(6, S("abcd"))),
                msg(3, num(1, 2), num(2, 0x400000), num(5, S("/usr/bin/prog")))]
    locations = [
        msg(4, num(1, 1), num(2, 1), num(3, 0x7f0000000234), msg(4, num(1, 8), num(2, 3)),
            msg(4, num(1, 7), num(2, 9))),
        msg(4, num(1, 3), num(2, 2), num(3, 0x401000)),
        msg(4, num(1, 999), msg(4, num(1, 9), num(2, 5)), msg(4, num(1, 10), num(2, 6))),
    ]
    functions = [msg(5, num(1, 7), num(2, S("main")), num(4, S("main.c"))),
                 msg(5, num(1, 8), num(2, S("inner")), num(4, S("inner.h"))),
                 msg(5, num(1, 9), num(2, S("run")), num(4, S("app.py")), num(5, 4)),
                 msg(5, num(1, 10), num(3, S("_ZL1fv")))]
    rest = [num(9, 1700000000 * 10**9), num(10, 5), msg(11, num(1, S("alloc_space")),
            num(2, S("bytes"))), num(12, 512), num(13, S("command: prog --all")),
            num(13, S("just so")), num(14, S("inuse_space")), num(77, 3)]
    strings = [msg(6, s) for s in STRINGS]
    return types, samples, mappings, locations, functions, rest, strings


if __name__ == "__main__":
    parts = small()
    if "reversed" in sys.argv:          # what is referred to comes last
        parts = parts[::-1]
    sys.stdout.buffer.write(b"".join(b"".join(p) for p in parts))
