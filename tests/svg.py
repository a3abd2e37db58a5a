#!/usr/bin/env python3
"""svg.py FILE [lines|frames|folded] - read a flame graph of mp-svg back.

Checks that it is well-formed, needs nothing from elsewhere, and that its frames add
up; then prints
lines   self, total and name of every name, as mp-top -t --by line has them
frames  depth, the values and the name of every frame, in the order of the file
folded  how many frames are not drawn, and how many are drawn as [rest]
"""
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict


def load(path):
    raw = open(path, encoding='utf-8').read()
    root = ET.fromstring(raw)
    assert root.tag == '{http://www.w3.org/2000/svg}svg'
    # one CDATA for the style and one for the script, and nothing gets out of them
    assert raw.count('<![CDATA[') == 2 and raw.count(']]>') == 2
    assert not re.search(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]', raw)
    # nothing is fetched: the only addresses are names of namespaces
    assert set(re.findall(r'https?://[^\s"\']*', raw)) <= {'http://www.w3.org/2000/svg',
                                                          'http://www.w3.org/1999/xhtml'}
    assert not re.search(r'\b(href|src|url\(|@import)', raw.split('const data')[0])
    allowed = {'svg', 'title', 'style', 'rect', 'text', 'g', 'path', 'script', 'foreignObject', 'input'}
    for e in root.iter():
        assert e.tag.split('}')[1] in allowed, e.tag
        assert not any(a.startswith('on') for a in e.attrib), e.attrib
    script = [e.text for e in root.iter() if e.tag.endswith('}script')]
    assert len(script) == 1
    data = re.match(r'\s*const data = (\{.*?\});\n// flame\.js', script[0], re.S).group(1)
    return root, json.loads(data)


def frames_of(d):
    out, columns = [], len(d['columns'])
    for line in d['frames'].split(';'):
        field = line.split(',')
        before = out[-1] if out else None
        at = 2 + columns
        f = {'depth': int(field[0]) if field[0] else before['depth'] + 1, 'name': int(field[1]),
             'value': [int(x) if x else before['value'][k] for k, x in enumerate(field[2:at])]}
        f['weight'] = abs(f['value'][d['key']])
        if d['weighted']:
            f['weight'] = float(field[at])
            at += 1
        f['folded'] = int(field[at]) if len(field) > at else 0
        f['gone'] = [int(x) for x in field[at + 1:]] or [0] * columns
        assert len(f['gone']) == columns
        f['parent'] = None
        up = before
        while up:
            if up['depth'] < f['depth']:
                f['parent'] = up
                break
            up = up['parent']
        assert (f['parent'] is None) == (not out) and f['depth'] == (f['parent']['depth'] + 1 if out else 0)
        f['left'] = list(f['value'])
        if f['parent']:
            f['parent'].setdefault('kids', []).append(f)
        out.append(f)
    return out


def name(d, f):
    func, file, line = d['names'][3 * f['name']:3 * f['name'] + 3]
    return func + ('' if file < 0 else ' (%s%s)' % (d['files'][file], ':%d' % line if line else ''))


def check(root, d, frames):
    assert len(d['kinds']) * 3 == len(d['names']) * 2
    assert len(set(d['files'])) == len(d['files'])
    for f in frames:
        kids = f.get('kids', [])
        for k, (_, _, sums) in enumerate(d['columns']):
            f['left'][k] -= f['gone'][k] if sums else 0
            for c in kids:
                f['left'][k] -= c['value'][k] if sums else 0
                assert sums or c['value'][k] <= f['value'][k]
        assert sum(c['weight'] for c in kids) <= f['weight'] * (1 + 1e-9)
    folded = sum(f['folded'] for f in frames)
    assert folded == d['folded']
    text = {e.get('id'): ''.join(e.itertext()) for e in root.iter() if e.get('id')}
    assert (folded > 0) == ('folded' in text)
    assert not folded or text['folded'].startswith('%d frames ' % folded)
    return text


def main(path, how='check'):
    root, d = load(path)
    frames = frames_of(d)
    text = check(root, d, frames)
    if how == 'lines':
        own, total = defaultdict(int), defaultdict(int)
        for f in frames[1:]:
            n = name(d, f)
            own[n] += f['left'][d['key']]
            up = f['parent']
            while up and name(d, up) != n:
                up = up['parent']
            if not up:
                total[n] += f['value'][d['key']]
        for n in sorted(total):
            if own[n] or total[n]:
                print(own[n], total[n], n, sep='\t')
    elif how == 'frames':
        for f in frames:
            print(f['depth'], *f['value'], d['kinds'][2 * f['name']], name(d, f))
    elif how == 'folded':
        print(d['folded'], re.sub(r'\D.*', '', text.get('rest', '0'), flags=re.S))


main(*sys.argv[1:])
