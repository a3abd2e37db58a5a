#!/usr/bin/env python3
"""png.py A.png B.png X Y WIDTH HEIGHT - compare a piece of two pictures.

Prints how many thousandths of its pixels differ (by more than 8 of 255 in a channel) and
how many thousandths of A's differ from the colour most of them have: what is written there."""
import struct
import sys
import zlib
from collections import Counter


def load(path):
    """Rows of pixels, each a tuple of three."""
    data = open(path, 'rb').read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n'
    at, packed = 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height, depth, colour, _, _, interlaced = struct.unpack('>IIBBBBB', body)
            assert depth == 8 and colour in (2, 6) and not interlaced
        elif kind == b'IDAT':
            packed += body
        at += size + 12
    n = 3 if colour == 2 else 4
    raw, last, rows = zlib.decompress(packed), bytes(width * n), []
    for y in range(height):
        start = y * (width * n + 1)
        last = undo(raw[start], raw[start + 1:start + 1 + width * n], last, n)
        rows.append([tuple(last[i:i + 3]) for i in range(0, width * n, n)])
    return rows


def undo(filter_, line, above, n):
    line = bytearray(line)
    for i, x in enumerate(line):
        a = line[i - n] if i >= n else 0
        b, c = above[i], above[i - n] if i >= n else 0
        if filter_ == 1:
            x += a
        elif filter_ == 2:
            x += b
        elif filter_ == 3:
            x += (a + b) // 2
        elif filter_ == 4:
            p = a + b - c
            x += min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = x & 255
    return bytes(line)


def main(first, second, *box):
    x, y, width, height = (round(float(v)) for v in box)
    a, b = ([row[x:x + width] for row in load(p)[y:y + height]] for p in (first, second))
    a, b = ([pixel for row in rows for pixel in row] for rows in (a, b))
    assert a and len(a) == len(b)
    ground = Counter(a).most_common(1)[0][0]
    differ = sum(max(abs(i - j) for i, j in zip(p, q)) > 8 for p, q in zip(a, b))
    print(1000 * differ // len(a), 1000 * sum(p != ground for p in a) // len(a))


main(*sys.argv[1:])
