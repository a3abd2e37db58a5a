#!/usr/bin/env python3
"""pprof.py check|lines|functions|head FILE [TYPE] - decode a pprof profile.

Written from the public schema (github.com/google/pprof/proto/profile.proto) and
the encoding of protocol buffers alone; nothing is taken from the C sources.
check  every reference in range, every string UTF-8; prints what there is
lines  self, total, "func (file:line)" of sample type TYPE, one a line, sorted
"""
import gzip
import sys
from collections import defaultdict


def varint(b, i):
    n = shift = 0
    while True:
        n |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            assert shift <= 70
            return n, i


def fields(b):
    i = 0
    while i < len(b):
        tag, i = varint(b, i)
        if tag & 7 == 0:
            value, i = varint(b, i)
            assert value < 1 << 64
        elif tag & 7 == 2:
            n, i = varint(b, i)
            value = bytes(b[i:i + n])
            i += n
            assert i <= len(b)
        else:
            raise ValueError('wire type %d' % (tag & 7))
        yield tag >> 3, value


def signed(n):
    return n - (1 << 64) if n >> 63 else n


def packed(b):
    i, out = 0, []
    while i < len(b):
        n, i = varint(b, i)
        out.append(n)
    return out


def message(b, names, many=()):
    m = {name: 0 for name in names.values()}
    m.update({name: [] for name in many})
    for number, value in fields(b):
        name = names[number]
        if name in many:
            m[name].append(value)
        else:
            m[name] = value
    return m


VALUE_TYPE = {1: 'type', 2: 'unit'}
SAMPLE = {1: 'location', 2: 'value', 3: 'label'}
LABEL = {1: 'key', 2: 'str', 3: 'num', 4: 'num_unit'}
MAPPING = {1: 'id', 2: 'start', 3: 'limit', 4: 'offset', 5: 'filename', 6: 'build_id',
           7: 'has_functions', 8: 'has_filenames', 9: 'has_line_numbers', 10: 'has_inline_frames'}
LOCATION = {1: 'id', 2: 'mapping', 3: 'address', 4: 'line', 5: 'folded'}
LINE = {1: 'function', 2: 'line', 3: 'column'}
FUNCTION = {1: 'id', 2: 'name', 3: 'system_name', 4: 'filename', 5: 'start_line'}
PROFILE = {1: 'sample_type', 2: 'sample', 3: 'mapping', 4: 'location', 5: 'function',
           6: 'string', 7: 'drop_frames', 8: 'keep_frames', 9: 'time', 10: 'duration',
           11: 'period_type', 12: 'period', 13: 'comment', 14: 'default_sample_type'}
MANY = ('sample_type', 'sample', 'mapping', 'location', 'function', 'string', 'comment')


class Profile:
    def __init__(self, path):
        raw = open(path, 'rb').read()
        assert raw[:4] == b'\x1f\x8b\x08\x00' and raw[4:8] == bytes(4), 'gzip with a time or a name'
        p = message(gzip.decompress(raw), PROFILE, MANY)
        self.string = [s.decode() for s in p['string']]
        assert self.string[0] == '' and len(set(self.string)) == len(self.string)
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for s in self.string for c in s)
        self.types = [(self.s(t['type']), self.s(t['unit'])) for t in
                      (message(t, VALUE_TYPE) for t in p['sample_type'])]
        self.function = self.by_id(p['function'], FUNCTION)
        self.mapping = self.by_id(p['mapping'], MAPPING)
        self.location = self.by_id(p['location'], LOCATION, ('line',))
        for x in self.location.values():
            x['line'] = [message(b, LINE) for b in x['line']]
            assert not x['mapping'] or x['mapping'] in self.mapping
            if x['mapping'] and self.mapping[x['mapping']]['limit']:
                m = self.mapping[x['mapping']]
                assert m['start'] <= x['address'] < m['limit']
        self.sample = [self.read_sample(b) for b in p['sample']]
        self.comment = [self.s(i) for i in p['comment']]
        self.default = self.s(p['default_sample_type'])
        assert self.default in [t for t, _ in self.types]
        self.time, self.duration, self.period = p['time'], p['duration'], p['period']
        self.period_type = message(p['period_type'] or b'', VALUE_TYPE)
        used = {i for s in self.sample for i in s['location']}
        assert used == set(self.location), 'locations no sample has, or the other way round'
        used = {line['function'] for x in self.location.values() for line in x['line']}
        assert used == set(self.function)

    def s(self, i):
        return self.string[i]

    def by_id(self, messages, names, many=()):
        out = {}
        for b in messages:
            m = message(b, names, many)
            assert m['id'] and m['id'] not in out
            out[m['id']] = m
            for key in ('name', 'system_name', 'filename', 'build_id'):
                if key in m:
                    m[key] = self.s(m[key])
        return out

    def read_sample(self, b):
        s = message(b, SAMPLE, ('label',))
        s['location'] = packed(s['location'])
        s['value'] = [signed(v) for v in packed(s['value'])]
        assert s['location'] and len(s['value']) == len(self.types)
        s['label'] = {self.s(x['key']): self.s(x['str']) or x['num'] for x in
                      (message(x, LABEL) for x in s['label'])}
        return s

    def frames(self, sample, lines):
        for i in sample['location']:
            x = self.location[i]
            if not x['line']:
                module = self.mapping[x['mapping']]['filename'].split('/')[-1] if x['mapping'] else ''
                # an executable that is not PIE is at its own addresses
                start = self.mapping[x['mapping']]['start'] if x['mapping'] else 0
                at = x['address'] - (start if start >= 1 << 32 else 0)
                yield '%#x' % at + (' [%s]' % module if module else '')
            for line in x['line']:
                f = self.function[line['function']]
                name = f['name']
                if f['filename'] and lines and line['line']:
                    name += ' (%s:%d)' % (f['filename'], line['line'])
                elif f['filename']:
                    name += ' (%s)' % f['filename']
                yield name


def main(how, path, kind=None):
    p = Profile(path)
    if how == 'check':
        print(' '.join('%s/%s' % t for t in p.types), 'default', p.default)
        print('period', p.s(p.period_type['type']), p.s(p.period_type['unit']), p.period)
        print('time', p.time, 'duration', p.duration)
        for c in p.comment:
            print('comment', c)
        for m in p.mapping.values():
            print('mapping %x-%x %s %s' % (m['start'], m['limit'], m['filename'], m['build_id']),
                  *(k for k in ('has_functions', 'has_filenames', 'has_line_numbers',
                                'has_inline_frames') if m[k]))
        for x in p.function.values():
            print('function', x['name'], '|', x['system_name'], '|', x['filename'], x['start_line'])
        for s in p.sample:
            print('sample', *s['value'], ';'.join(p.frames(s, True)),
                  *('%s=%s' % item for item in sorted(s['label'].items())))
        return
    k = [t for t, _ in p.types].index(kind)
    own, total = defaultdict(int), defaultdict(int)
    for s in p.sample:
        names = list(p.frames(s, how == 'lines'))
        own[names[0]] += s['value'][k]
        for name in set(names):
            total[name] += s['value'][k]
    for name in sorted(total):
        if own[name] or total[name]:
            print(own[name], total[name], name, sep='\t')


main(*sys.argv[1:])
