"""mojo_write.py [VERSION] - what austin writes with -b, message by message, for the tests.

Lines on standard input: the name of a message and its fields; a word is a string, a
number a number, and hex: bytes as they are."""
import sys

NAMES = ("reserved metadata stack frame invalid ref kernel gc idle time memory string "
         "string_ref repeat task_stack task_waiter task_running").split()
TEXTS = {"metadata": (0, 1), "stack": (-1,), "kernel": (0,), "string": (1,)}


def number(n):
    sign, n = n < 0, abs(n)
    out = [n & 63 | sign << 6]
    n >>= 6
    while n:
        out[-1] |= 128
        out.append(n & 127)
        n >>= 7
    return bytes(out)


def message(words):
    if words[0].startswith("hex:"):
        return bytes.fromhex(words[0][4:])
    out = bytes([NAMES.index(words[0])])
    fields = words[1:]
    texts = [i % len(fields) for i in TEXTS.get(words[0], ())]
    for i, field in enumerate(fields):
        out += field.encode() + b"\0" if i in texts else number(int(field))
    return out


if __name__ == "__main__":
    sys.stdout.buffer.write(b"MOJ" + number(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    for line in sys.stdin:
        if line.split():
            sys.stdout.buffer.write(message(line.split()))
