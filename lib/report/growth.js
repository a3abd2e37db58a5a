'use strict';
// growth.js - whether what leaked keeps growing: lib/growth.h's rule, on the steps of the
// window.  Invariant: of the whole run the verdict is that of mp-leaks --growing.

const SIXTHS = 6, STEPS_LEAST = 12;

// Live bytes at the edges of the window's steps, of groups below N: GROUP[row], or -1.
// HELD are those of blocks that live for a sixth of the window or to its end.
function seriesOf(run, table, a, b, group, n) {
	const steps = b - a, out = [];

	for (let g = 0; g < n; g++)
		out.push({
			live: new Float64Array(steps + 2),
			held: new Float64Array(steps + 2),
			bytes: 0,
			count: 0,
			older: 0,
			newest: 0,
			births: new Float64Array(steps)
		});
	for (let died = a; died <= run.n; died++)
		for (let i = table.flowAt[died]; i < table.flowAt[died + 1]; i++) {
			const row = table.flowRow[i], born = table.flowBorn[i];

			if (group[row] >= 0 &&
				(born >= a && born < b ||
					born === BORN_LOST && steps === run.n))
				addSpan(out[group[row]], run, table, i, row, a, b, born, died);
		}
	for (const s of out)
		for (let i = 1; i <= steps; i++) {
			s.live[i] += s.live[i - 1];
			s.held[i] += s.held[i - 1];
		}
	return out;
}

// What a process held when it ended is live on if it ran for half of the window.
function endOf(run, label, a, b) {
	const process = run.processes[run.labels[label][0]], steps = b - a;

	if (!process)
		return steps + 1;
	const [, , , since, ended] = process;

	return ended < 0 ? 0 : ended < b && (ended + 1 - Math.max(a, since)) * 2 < steps
		? Math.max(0, ended - a + 1) : steps + 1;
}

function addSpan(s, run, table, i, row, a, b, born, died) {
	const steps = b - a, from = born >= a ? born - a + 1 : 0;
	const end = died < b     ? died - a + 1
		: died === run.n ? endOf(run, table.label[row], a, b)
				 : steps + 1;
	const to = Math.max(from, end), left = to > steps, bytes = table.flowBytes[i];

	if (from < to) {
		s.live[from] += bytes;
		s.live[to] -= bytes;
	}
	if (from < to && (left || (to - from) * SIXTHS >= steps)) {
		s.held[from] += bytes;
		s.held[to] -= bytes;
	}
	if (died >= b && born >= a)
		s.births[born - a] += bytes;
	if (!left)
		return;
	s.bytes += bytes;
	s.count += table.flowCount[i];
	if (born < a)
		return;
	s.newest = Math.max(s.newest, born - a);
	if ((born - a) * SIXTHS >= steps && (born - a) * SIXTHS < 5 * steps)
		s.older += bytes;
}

const sixth = (edge, n) => edge ? Math.floor((edge - 1) * SIXTHS / n) : 0;

// Of what lies behind the first sixth.
function shapeOf(y, n) {
	const floor = new Array(SIXTHS).fill(Infinity);
	let top = -Infinity, drop = 0, up = 0, down = 0, steps = 0;

	for (let i = 1; i <= n; i++) {
		const k = sixth(i, n), d = y[i] - y[i - 1];

		floor[k] = Math.min(floor[k], y[i]);
		if (!k)
			continue;
		top = Math.max(top, y[i]);
		drop = Math.max(drop, top - y[i]);
		if (d > 0)
			up += d;
		else
			down -= d;
	}
	for (let k = 2; k < SIXTHS; k++)
		steps += floor[k] > floor[k - 1] ? 1 : 0;
	const rise = floor[5] - floor[1], before = floor[3] - floor[1],
	      lately = floor[5] - floor[3];

	return {
		floor,
		rise,
		drop,
		up,
		down,
		keeps: rise > 0 && steps >= 3 && lately * 2 >= before
	};
}

// Theil and Sen: the median of the slopes between any two edges.
function slopeOf(live, n, last) {
	const out = [];

	for (let i = 1; i <= n; i++)
		for (let j = 1; j < i && sixth(i, n); j++)
			if (sixth(j, n))
				out.push((live[i] - live[j]) / ((i < n ? i : last) - j));
	return Float64Array.from(out).sort()[Math.floor(out.length / 2)];
}

function grows(s, n, last) {
	const held = shapeOf(s.held, n), live = shapeOf(s.live, n),
	      mean = s.bytes / (s.count || 1);

	if (!(s.bytes > 0) || sixth(s.newest + 1, n) !== SIXTHS - 1)
		return false;
	if (live.keeps && live.rise * 20 >= live.floor[5] && live.down * 20 <= live.up)
		return true;
	return held.keeps && held.drop * 3 <= held.rise && s.older * 2 >= held.rise &&
		held.rise * held.rise >= 9 * held.floor[5] * mean &&
		slopeOf(s.live, n, last) * n * 4 / SIXTHS * 2 >= held.rise;
}

// growing, levelled or once; '' where there are too few steps to judge by.
function trendOf(run, s, a, b) {
	const n = b - a, end = (run.end - run.from) / run.width;
	const last = b < run.n || end <= run.n - 1 ? n : end - a;

	if (n < STEPS_LEAST)
		return '';
	return grows(s, n, last)                             ? 'growing'
		: s.births.filter((v) => v > 0).length === 1 ? 'once'
							     : 'levelled';
}
