#!/usr/bin/python3
"""decoder.py FILE - a reader of .mp written from formats/mp.md alone.

Prints each event as a JSON object (op, time, pid, tid, block, size, kind, stack)
and last an object with the totals it worked out: allocated, live at the end,
peak.  It refuses what is not clean.  Shares no code with lib/.
"""
import collections
import json
import struct
import sys

import xxhash
import zstandard

MARKER = bytes.fromhex("d76d700d0a1a9e43b158e62fc48a7015")
KINDS = {1: "malloc", 2: "calloc", 3: "realloc", 4: "posix_memalign", 5: "aligned_alloc", 6: "memalign",
         7: "valloc", 8: "pvalloc", 9: "reallocarray", 10: "new", 16: "PyMem_Malloc",
         17: "PyMem_Calloc", 18: "PyMem_Realloc", 19: "PyObject_Malloc", 20: "PyObject_Calloc",
         21: "PyObject_Realloc", 32: "mmap", 33: "mmap file", 34: "mremap", 35: "brk",
         36: "mremap file", 40: "arena", 41: "runtime"}
TABLES = [  # in the order of mp.md 2: name, number of the kind, columns
    ("module", 2, (260, 261)), ("line", 4, (272, 273, 274)), ("code", 5, (276, 277, 278)),
    ("location", 6, (280, 281, 282)), ("node", 7, (284, 285)),
    ("process", 10, (304, 305, 306, 307, 308, 309, 310, 311)), ("thread", 9, (296, 297, 298, 299)),
    ("site", 8, (288, 289, 290, 291, 292, 293)), ("map", 3, (264, 265, 266, 267, 268)),
    ("clock", 11, (316, 317, 318)), ("column", 12, (320, 321, 322, 323))]
M64 = (1 << 64) - 1


def fail(text):
    sys.exit("decoder: " + text)


def xxh(data):
    return xxhash.xxh3_64_intdigest(data)


def leb(raw):
    out, x, shift = [], 0, 0
    for b in raw:
        x |= (b & 127) << shift
        shift += 7
        if b < 128:
            out.append(x)
            x = shift = 0
    if shift:
        fail("LEB128 cut short")
    return out


def unzigzag(v):
    return v >> 1 ^ -(v & 1)


def decode(coding, values, raw):
    if coding == 0:
        out = raw
    elif coding == 1:
        out = [raw[i >> 3] >> (i & 7) & 1 for i in range(values)]
    elif coding == 2:
        tail = iter(struct.unpack("<%dH" % ((len(raw) - values) // 2), raw[values:]))
        out = [b if b < 255 else next(tail) for b in raw[:values]]
    elif coding == 3:
        out = leb(raw)
    elif coding == 4:
        out, last = [], 0
        for v in leb(raw):
            last = last + unzigzag(v) & M64
            out.append(last)
    elif coding == 5:
        flat, out, last = leb(raw), [], 0
        for delta, length in zip(flat[::2], flat[1::2]):
            last = last + unzigzag(delta) & M64
            out.append((last, length))
    elif coding == 6:
        out = list(struct.unpack("<%dQ" % values, raw))
    else:
        fail("coding %d" % coding)
    if coding != 1 and len(out) != values:
        fail("column holds %d values, not %d" % (len(out), values))
    return out


Header = collections.namedtuple(
    "Header", "part sequence kind flags columns n length first last before live_bytes live_blocks"
    " max_live position slots lost_events lost_bytes interval frames hash")


def blocks(data):
    at = 0
    unzip = zstandard.ZstdDecompressor()
    while at < len(data):
        magic, length = struct.unpack_from("<II", data, at)
        if magic != 0x184D2A5E or data[at + 8:at + 24] != MARKER:
            fail("byte %d: no block" % at)
        head = data[at + 8:at + 8 + length]
        h = Header(*struct.unpack("<QIBBHIIQQQQQQIIQQQQ", head[16:128]),
                   *struct.unpack("<Q", head[-8:]))
        if xxh(head[:-8]) != h.hash or h.length != length or length != 136 + 24 * h.columns:
            fail("byte %d: header" % at)
        start = at
        at += 8 + length
        columns, size = {}, 0
        for i in range(h.columns):
            cid, coding, codec, values, raw, stored, digest = struct.unpack_from(
                "<HBBIIIQ", head, 128 + 24 * i)
            frame = data[at:at + stored]
            if xxh(frame) != digest or codec != 1:
                fail("byte %d: column %d of the block at %d" % (at, cid, start))
            plain = unzip.decompress(frame, max_output_size=raw)
            if len(plain) != raw:
                fail("byte %d: raw length" % at)
            columns[cid & 0x7fff] = decode(coding, values, plain)
            at += stored
            size += stored
        if size != h.frames:
            fail("byte %d: length of frames" % start)
        yield h, columns


class Part:
    def __init__(self):
        self.string = [""]
        self.table = {name: [(0,) * len(ids)] for name, _, ids in TABLES}
        self.lines, self.names = {}, {}
        self.slot = {}                  # slot -> allocation number
        self.block = 0                  # allocations so far
        self.alloc = {}                 # live: number -> (site, thread)
        self.live = self.peak = self.total = self.count = self.left = self.left_count = 0
        self.done = set()
        self.hashes = b""
        self.blocks = self.events = 0

    def define(self, c):
        first = dict(zip(c[256][::2], c[256][1::2])) if 256 in c else {}
        if 257 in c:
            if first[1] != len(self.string):
                fail("a hole in the strings")
            raw, at = c.get(258, b""), 0
            for v in c[257]:
                self.string.append(raw[at:at + (v >> 1)].decode("utf-8", "replace"))
                at += v >> 1
        for name, kind, ids in TABLES:
            present = [len(c[i]) for i in ids if i in c]
            if not present:
                continue
            if kind in first and first[kind] != len(self.table[name]):
                fail("a hole in " + name)
            zero = [0] * present[0]
            self.table[name] += zip(*(c.get(i, zero) for i in ids))
        at = 0
        for loc, n in zip(c.get(328, ()), c.get(329, ())):
            self.lines[loc] = c.get(330, [])[at:at + n]
            at += n
        for thread, name in zip(c.get(331, ()), c.get(332, ())):
            self.names[thread] = name

    def stack(self, node):
        out = []
        while node:
            node, loc = self.table["node"][node]
            kind, owner, offset = self.table["location"][loc]
            if kind == 1:
                for line in self.last.lines.get(loc) or [None]:
                    if line is None:
                        out.append(("0x%x" % offset, "", 0))
                    else:
                        f, file, number = self.last.table["line"][line]
                        out.append((self.last.string[f], self.last.string[file], number))
            else:
                f, file, _ = self.table["code"][owner]
                out.append((self.last.string[f], self.last.string[file], offset))
        return out[::-1]

    def counts(self, site):
        kind = self.table["site"][site][3]
        return kind < 40 or kind == 40 and not self.objects

    def head(self, h, c):
        self.id = h.part
        if 240 in c:
            self.kind, version, need, _, self.tick, flags = c[240][:6]
            if version >> 16 != 1 or need:
                fail("version")
            self.objects = bool(flags & 1)

    def who(self, thread):
        process, tid = self.table["thread"][thread][:2]
        return {"pid": self.table["process"][process][0], "tid": tid}

    def leave(self, process):
        """What the process has left is final."""
        if process in self.done:
            return
        self.done.add(process)
        for site, _ in self.alloc.values():
            s = self.table["site"][site]
            if s[0] == process and self.counts(site):
                self.left += s[2] * (s[5] + 1)
                self.left_count += s[5] + 1

    def bytes(self, site):
        """What one of its blocks stands for."""
        s = self.table["site"][site]
        return s[2] * (s[5] + 1)

    def change(self, site, sign):
        if self.counts(site):
            self.live += sign * self.bytes(site)

    def end_process(self, process):
        """Its live blocks leave the sum.  Returns their numbers."""
        self.leave(process)
        ended = {n for n, (site, _) in self.alloc.items() if self.table["site"][site][0] == process}
        for number in ended:
            self.change(self.alloc.pop(number)[0], -1)
        return ended

    def events_block(self, h, c):
        if h.live_bytes != self.live:
            fail("live bytes %d, header says %d" % (self.live, h.live_bytes))
        op, sites = c.get(1, []), c.get(3, [])
        site, back, old = iter(c.get(2, [])), iter(c.get(4, [])), iter(c.get(5, []))

        def spread(runs, default):
            return [v for v, n in runs for _ in range(n)] if runs else [default] * h.n

        thread, time = spread(c.get(7), 1), spread(c.get(8), 0)

        def pairs(cid):
            flat, at, out = c.get(cid, []), 0, collections.defaultdict(list)
            for delta, value in zip(flat[::2], flat[1::2]):
                at += delta
                out[at].append(value)
            return out

        outside, replace, procend = pairs(9), pairs(10), pairs(11)
        made, gone, freed, top, where = [], set(), [], self.live, 0
        partial = False
        for i in range(h.n + 1):
            for process in procend.get(i, ()):
                gone |= self.end_process(process)
            if i == h.n:
                break
            e = {"op": "free" if op[i] else "alloc", "time": time[i] * self.tick, **self.who(thread[i])}
            reason = replace[i][0] & 7 if i in replace else 0
            if not op[i]:
                s = sites[next(site)]
                self.block += 1
                number = self.block
                made.append(number)
                self.alloc[number] = (s, thread[i])
                self.change(s, +1)
                if self.counts(s) and not (partial or reason == 3):
                    self.total += self.bytes(s)
                partial = False
                e["stack"] = self.stack(self.table["site"][s][1])
            else:
                k = next(back)
                if k:
                    number = made[-k]
                    gone.add(number)
                else:
                    slot = next(old)
                    if slot:
                        freed.append(slot)
                    number = self.slot.pop(slot, 0) if slot else 0
                s = outside[i][0] if i in outside else 0
                if number in self.alloc:
                    s = self.alloc.pop(number)[0]
                    self.change(s, -1)
                elif number:
                    fail("event %d frees block %d, which is not alive" % (i, number))
                partial = reason == 3 and replace[i][0] < 8
            self.count += 1
            e.update(block=number, size=self.table["site"][s][2], kind=KINDS.get(self.table["site"][s][3], ""))
            print(json.dumps(e))
            if self.live > top:
                top, where = self.live, i + 1
        survivors = [n for n in made if n not in gone]
        new = c.get(6, [])
        if len(new) != max(0, len(survivors) - len(freed)):
            fail("%d new slots for %d survivors and %d freed" % (len(new), len(survivors), len(freed)))
        for number, slot in zip(survivors, freed + list(new)):
            if slot >= h.slots or slot in self.slot and self.slot[slot] in self.alloc:
                fail("slot %d" % slot)
            self.slot[slot] = number
        if (top, where) != (h.max_live, h.position):
            fail("maximum %d at %d, header says %d at %d" % (top, where, h.max_live, h.position))
        self.peak = max(self.peak, top)

    def checkpoint(self, h, c):
        for slot, s in zip(c.get(230, []), c.get(231, [])):
            if self.alloc[self.slot[slot]][0] != s:
                fail("checkpoint: slot %d" % slot)

    def end(self, c):
        for process in range(1, len(self.table["process"])):
            self.leave(process)
        n = c[248]
        mine = [self.count, self.total, self.left_count, self.left, self.peak]
        if n[:5] != mine:
            fail("END says %s, counted %s" % (n[:5], mine))
        if n[10] != xxh(self.hashes) or n[11] != self.blocks:
            fail("END: a block is missing")


def main():
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    part, names = None, []
    for h, c in blocks(data):           # names may come behind the events they are of
        if h.kind == 1 and h.sequence == 0:
            names.append(Part())
        if h.kind != 10 and not h.flags & 1:
            names[-1].define(c)
    for h, c in blocks(data):
        if part is None:
            part = Part()
            part.last = names.pop(0)
            if h.kind != 1:
                fail("no HEAD")
        if h.sequence != part.blocks:
            fail("sequence %d" % h.sequence)
        if h.kind == 10:
            part.define(c)
            part.end(c)
            print(json.dumps({"op": "totals", "events": part.count, "allocated": part.total,
                              "live": part.left, "live_count": part.left_count, "peak": part.peak}))
            part = None
            continue
        part.blocks += 1
        part.hashes += struct.pack("<Q", h.hash)
        if not h.flags & 1:
            part.define(c)
        if h.kind == 1:
            part.head(h, c)
        elif h.kind == 2:
            part.events_block(h, c)
        elif h.kind == 5:
            for process, name in zip(c.get(38, []), c.get(39, [])):
                if part.string[name] == "finalize":
                    part.leave(process)
        elif h.kind == 7:
            part.checkpoint(h, c)
    if part:
        fail("no END")


main()
