// unit.js - what the page's functions give, evaluated in the page: a list of what is wrong.
(() => {
    const wrong = [], same = (what, got, want) => {
        if (JSON.stringify(got) !== JSON.stringify(want))
            wrong.push(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
    };

    same('bytes', [0, 1023, 1024, 1536, 1048524, 1048575, -20, 2 ** 40].map(bytes),
        ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1023.9 KiB', '1.0 MiB', '\u221220 B', '1.0 TiB']);
    same('number', [0, 999, 1000, 1234567, -1234].map(number),
        ['0', '999', '1\u202f000', '1\u202f234\u202f567', '\u22121\u202f234']);
    same('count', [99999, 100000, 1234567, -2e9].map(count), ['99\u202f999', '100 k', '1.2 M', '\u22122.0 G']);
    same('percent', [percent(1, 0), percent(1, 3), percent(1, 1e6), percent(-1, 2), percent(0, 5)],
        ['', '33.3\u202f%', '<0.1\u202f%', '\u221250.0\u202f%', '0.0\u202f%']);
    same('time', [time(5e8, 1e6), time(1.5e9, 1e8), time(9e10, 1e9), time(3.7e12, 1e9), time(12345, 1), time(20, 1), time(2e6, 1e6)],
        ['500 ms', '1.5 s', '1 min 30 s', '1 h 1 min 40 s', '12.345 \u00b5s', '20 ns', '2 ms']);
    same('plain', plain('a\u202eb\u0000c\u200d\n\td'), 'a\\u202eb\\u0000c\\u200d d');
    same('shortFile', ['/x/site-packages/p/q.py', '/usr/lib/python3.11/json/decoder.py', 'a.py',
        '/tmp/python-build.20260509073455.222/Python-3.11.7/Objects/obmalloc.c:1459', 'x'.repeat(50)].map(shortFile),
    ['p/q.py', 'json/decoder.py', 'a.py', '\u2026/Python-3.11.7/Objects/obmalloc.c:1459', '\u2026' + 'x'.repeat(47)]);
    same('csv', csv([['a', 1], ['=cmd()', -2], ['say "x", y', 'line\nline']]),
        'a,1\n\'=cmd(),-2\n"say ""x"", y",line line\n');
    same('shortCommand', shortCommand('/usr/bin/python3 /home/me/app.py --x=/tmp'), 'python3 app.py --x=/tmp');

    const leb = new Float64Array(4);

    same('LEB128', [readNumbers(new Uint8Array([0, 127, 0x80, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), 0, leb),
        ...leb], [12, 0, 127, 128, Number.MAX_SAFE_INTEGER]);
    same('unzigzag', [0, 1, 2, 3, 400].map(unzigzag), [0, -1, 1, -2, 200]);
    same('lists', [...absolute(starts([2, 0, 2]), new Uint32Array([1, 2, 5, 0]))], [1, 3, 5, 5]);

    same('axis of bytes', axis(100 * 1024, true, 5), { max: 100 * 1024 * 1.06, ticks: [0, 32768, 65536, 98304] });
    same('axis of nothing', axis(0, false, 3), { max: 1, ticks: [0] });
    same('axis of counts', axis(95, false, 3).ticks, [0, 50]);
    same('ticks of time', timeTicks(0, 1e10, 600).ticks, [0, 2e9, 4e9, 6e9, 8e9, 1e10]);

    // a run of three buckets and two rows, by hand: row 1 of 10 bytes, row 2 of any size
    const run = { n: 3, from: 0, width: 10, end: 25, bucket: { max_bytes: [10, 55, 30] } };
    const table = { rows: 2, flowAt: new Uint32Array([0, 1, 2, 3, 6]), flowRow: new Uint32Array([1, 1, 2, 1, 2, 2]),
        flowBorn: new Int16Array([0, 0, BORN_BEFORE, 1, 2, BORN_LOST]), flowCount: new Float64Array([5, 1, 1, 2, 1, 1]),
        flowBytes: new Float64Array([50, 10, 7, 20, 30, 4]), levelAt: new Uint32Array([0, 1, 3, 4]),
        levelRow: new Uint32Array([1, 1, 2, 1]), levelCount: new Float64Array([1, 2, 1, -1]),
        levelBytes: new Float64Array([10, 20, 25, -10]), partialRow: new Uint32Array([1]),
        partialBorn: new Uint8Array([1]), partialCount: new Float64Array([1]), partialBytes: new Float64Array([10]) };
    const sums = (a, b) => {
        const v = valuesOf(run, table, a, b);

        return ['peakBytes', 'leakedBytes', 'allocatedBytes', 'allocatedCount', 'shortCount', 'first', 'last'].map((k) =>
            [...v[k]].slice(1));
    };

    same('the whole run', sums(0, 3), [[30, 25], [20, 34], [70, 30], [7, 1], [5, 0], [1, 2], [1, 2]]);
    same('the first bucket', sums(0, 1), [[10, 0], [10, 0], [60, 0], [6, 0], [5, 0], [0, -1], [0, -1]]);
    same('the second bucket', sums(1, 2), [[30, 25], [20, 0], [10, 0], [1, 0], [0, 0], [1, -1], [1, -1]]);
    same('the last bucket', sums(2, 3), [[20, 25], [0, 30], [0, 30], [0, 1], [0, 0], [-1, 2], [-1, 2]]);
    same('edges', [0, 1, 3].map((i) => edge(run, i)), [0, 10, 25]);
    run.processes = [];
    run.labels = [[-1, 0, '']];
    table.label = new Uint32Array(3);
    same('series', seriesOf(run, table, 0, 3, [0, 0, 1], 2).map((s) => [s.live, s.held, s.births].map((x) => [...x])),
        [[[0, 10, 20, 20, -20], [0, 10, 20, 20, -20], [0, 20, 0]], [[4, 4, 4, 34, -34], [4, 4, 4, 34, -34], [0, 0, 30]]]);
    same('too few steps', trendOf(run, seriesOf(run, table, 0, 3, [0, 0, 1], 2)[0], 0, 3), '');

    // main -> f -> f -> g, of Python in native frames
    const data = { strings: ['', 'main', 'f', 'g', 'a.py', 'lib.so', '[rest]'], frames: { func: [0, 6, 1, 2, 3],
        file: [0, 0, 0, 4, 4], module: [0, 0, 5, 0, 0], line: [0, 0, 0, 1, 2], source: [0, 0, 0, 0, 0],
        flags: [0, NOTE, NATIVE | INTERPRETER, PYTHON, PYTHON | IMPORT] },
    nodes: { parent: [0, 0, 1, 2, 3, 0, 3], frame: [0, 2, 3, 3, 4, 2, 1] } };
    const path = (s, node) => s.trie.path(s.of[node]);

    same('python frames', [4, 5, 6].map((i) => path(showStacks(data, 'python', false), i)), [[3, 3, 4], [2], [3, 3, 1]]);
    same('no import', path(showStacks(data, 'python', true), 4), [3, 3]);
    same('outside', path(showStacks(data, 'outside', false), 4), [3, 3, 4]);
    same('all', path(showStacks(data, 'all', false), 4), [2, 3, 3, 4]);
    const shown = showStacks(data, 'all', false), own = new Float64Array(shown.trie.size);

    own[shown.of[4]] = 8;
    own[shown.of[2]] = 1;
    const total = withChildren(shown.trie, own), groups = groupFrames(data, 'function');

    same('totals', [...total].filter((v) => v === 9).length, 3);
    same('recursion counts once', groupTotals(shown.trie, total, groups.of, outermost(shown.trie, groups.of),
        groups.n)[groups.of[3]], 9);
    const back = invert(shown, [4, 2], new Uint8Array(shown.trie.size).fill(1));

    same('inverted', back.trie.path(back.of[4]), [4, 3, 3, 2]);
    same('inverted, not heavy', (() => {
        const light = invert(shown, [4], new Uint8Array(shown.trie.size));

        return light.trie.path(light.of[4]);
    })(), [4, REST]);
    same('tint', [tint(0, 5), tint(5, 5), tint(-1, 5), tint(2, 5)], ['same', 'grew step4', 'shrank step1', 'grew step2']);
    return wrong;
})()
