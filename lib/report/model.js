'use strict';
// model.js - what the rows of a table hold in a window of whole buckets [a, b).
// Invariant: sums over rows are the run's own figures for that window.

const MEASURES = ['peak', 'leaked', 'allocated'];

class Values {
	constructor(rows) {
		for (const name of ['peakBytes', 'peakCount', 'leakedBytes', 'leakedCount',
			'allocatedBytes', 'allocatedCount', 'shortBytes', 'shortCount'])
			this[name] = new Float64Array(rows + 1);
		this.first = new Int16Array(rows + 1).fill(-1);         // births of what leaked
		this.last = new Int16Array(rows + 1).fill(-1);
	}
}

// The first bucket of [a, b) with the most live bytes.
function peakBucket(run, a, b) {
	const max = run.bucket.max_bytes;
	let at = a;

	for (let i = a + 1; i < b; i++)
		if (max[i] > max[at])
			at = i;
	return at;
}

function addFlows(table, n, a, b, v) {
	const whole = a === 0 && b === n;
	const { flowAt, flowRow, flowBorn, flowCount, flowBytes } = table;

	for (let died = a; died <= n; died++) {
		for (let i = flowAt[died]; i < flowAt[died + 1]; i++) {
			const row = flowRow[i], born = flowBorn[i];

			if (born >= a && born < b) {
				v.allocatedCount[row] += flowCount[i];
				v.allocatedBytes[row] += flowBytes[i];
				if (born === died) {
					v.shortCount[row] += flowCount[i];
					v.shortBytes[row] += flowBytes[i];
				}
			} else if (!(whole && bornLost(born, died, n))) {
				continue;
			}
			if (died < b)
				continue;
			v.leakedCount[row] += flowCount[i];
			v.leakedBytes[row] += flowBytes[i];
			if (born >= a && (v.first[row] < 0 || born < v.first[row]))
				v.first[row] = born;
			if (born > v.last[row])
				v.last[row] = born;
		}
	}
}

const bornLost = (born, died, n) => born === BORN_LOST && died === n;

function addPartial(table, a, b, v) {
	for (let i = 0; i < table.partialRow.length; i++) {
		if (table.partialBorn[i] < a || table.partialBorn[i] >= b)
			continue;
		v.allocatedCount[table.partialRow[i]] -= table.partialCount[i];
		v.allocatedBytes[table.partialRow[i]] -= table.partialBytes[i];
	}
}

function addLevels(table, bucket, v) {
	for (let i = 0; i < table.levelAt[bucket + 1]; i++) {
		v.peakCount[table.levelRow[i]] += table.levelCount[i];
		v.peakBytes[table.levelRow[i]] += table.levelBytes[i];
	}
}

function valuesOf(run, table, a, b) {
	const v = new Values(table.rows);

	if (!run.n)
		return v;
	addFlows(table, run.n, a, b, v);
	addPartial(table, a, b, v);
	addLevels(table, peakBucket(run, a, b), v);
	return v;
}

// The run's own figures for a window, and what is live after damage but not known whose.
function windowFigures(run, a, b) {
	const sum = (list) => list.slice(a, b).reduce((x, y) => x + y, 0);
	const at = run.n ? peakBucket(run, a, b) : 0, bucket = run.bucket;

	return {
		peakBytes: bucket.max_bytes[at] || 0,
		peakCount: bucket.max_blocks[at] || 0,
		peakTime: bucket.max_time[at] || 0,
		peakLostBytes: bucket.lost_bytes[at] || 0,
		peakLostCount: bucket.lost_blocks[at] || 0,
		allocatedBytes: sum(bucket.alloc_bytes),
		allocatedCount: sum(bucket.allocs),
		freedBytes: sum(bucket.free_bytes),
		freedCount: sum(bucket.frees),
		startBytes: a ? bucket.end_bytes[a - 1] : null,
		endBytes: bucket.end_bytes[b - 1] || 0,
		endCount: bucket.end_blocks[b - 1] || 0,
		samples: sum(bucket.samples),
		cpu: sum(bucket.cpu),
	};
}

// Rows that the filters let through: label and module are sets, or null for all.
function mask(table, labels, modules) {
	const out = new Uint8Array(table.rows + 1).fill(1);

	out[0] = 0;
	for (let row = 1; row <= table.rows; row++)
		if ((labels && !labels.has(table.label[row])) ||
			(modules && !modules.has(table.module[row])))
			out[row] = 0;
	return out;
}

// Edge I of a bucket, ns since the run began; the last is its end.
function edge(run, i) {
	return i >= run.n ? Math.max(run.end, run.from + (run.n - 1) * run.width)
		: run.from + i * run.width;
}
