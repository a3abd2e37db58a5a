'use strict';
// data.js - the payload as typed arrays; lib/report_encode.c says how it is laid out.
// Nothing is changed after it was read.

const NATIVE = 1, PYTHON = 2, INLINED = 4, UNRESOLVED = 8, NOTE = 16, INTERPRETER = 32,
	IMPORT = 64;
const REST = 1;                                 // the frame [rest]
const BORN_BEFORE = -1, BORN_LOST = -2;         // in a table's flow.born

function bytesOf(base64) {
	const text = atob(base64), bytes = new Uint8Array(text.length);

	for (let i = 0; i < text.length; i++)
		bytes[i] = text.charCodeAt(i);
	return bytes;
}

async function inflate(bytes) {
	const stream =
		new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));

	return new Uint8Array(await new Response(stream).arrayBuffer());
}

// N LEB128 numbers from AT into VALUES; returns the place behind them.
function readNumbers(bytes, at, values) {
	for (let i = 0; i < values.length; i++) {
		let v = bytes[at++];

		if (v > 127) {
			let scale = 128, b;

			v &= 127;
			do {
				b = bytes[at++];
				v += (b & 127) * scale;
				scale *= 128;
			} while (b > 127);
		}
		values[i] = v;
	}
	return at;
}

const unzigzag = (v) => v % 2 ? -(v + 1) / 2 : v / 2;

class Columns {
	constructor(list, bytes, at) {
		this.list = list;
		this.bytes = bytes;
		this.at = at;
		this.next = 0;
	}

	// The next column, which must be NAME, as an array of TYPE.
	take(name, Type) {
		const [is, n, length] = this.list[this.next++];
		const values = new Type(n);

		if (is !== name)
			throw new Error(`column ${is} where ${name} belongs`);
		readNumbers(this.bytes, this.at, values);
		this.at += length;
		return values;
	}

	// Zigzag differences: to the value before, or (KEEP) as they are.
	signed(name, Type, keep = false) {
		const values = this.take(name, Float64Array), out = new Type(values.length);

		for (let i = 0, last = 0; i < values.length; i++) {
			const d = unzigzag(values[i]);

			out[i] = keep ? d : last += d;
		}
		return out;
	}
}

// Where each list of a table begins, from how long they are.
function starts(lengths) {
	const out = new Uint32Array(lengths.length + 1);

	for (let i = 0; i < lengths.length; i++)
		out[i + 1] = out[i] + lengths[i];
	return out;
}

// Rows of entries, from steps within each list.
function absolute(start, step) {
	for (let list = 0; list + 1 < start.length; list++)
		for (let i = start[list], row = 0; i < start[list + 1]; i++)
			step[i] = row += step[i];
	return step;
}

// Bytes of entries: as written where sizes of a row vary, else count * size.
function bytesOfEntries(row, count, size, written) {
	const bytes = new Float64Array(row.length);

	for (let i = 0, k = 0; i < row.length; i++)
		bytes[i] = size[row[i]] ? count[i] * (size[row[i]] - 1) : written[k++];
	return bytes;
}

// Flows and levels behind a table's keys; SIZE[row].
function readTable(c, n, table) {
	const size = c.take('size', Float64Array);

	table.rows = size.length;
	table.size = new Float64Array(size.length + 1);
	table.size.set(size, 1);
	table.flowAt = starts(c.take('flows', Uint32Array));
	table.flowRow = absolute(table.flowAt, c.take('flow.row', Uint32Array));
	table.flowBorn = c.take('flow.age', Int16Array);
	for (let died = 0; died <= n; died++)
		for (let i = table.flowAt[died]; i < table.flowAt[died + 1]; i++)
			table.flowBorn[i] = died - table.flowBorn[i];
	table.flowCount = c.take('flow.count', Float64Array);
	table.flowBytes = bytesOfEntries(table.flowRow, table.flowCount, table.size,
		c.take('flow.bytes', Float64Array));
	table.levelAt = starts(c.take('levels', Uint32Array));
	table.levelRow = absolute(table.levelAt, c.take('level.row', Uint32Array));
	table.levelCount = c.signed('level.count', Float64Array, true);
	table.levelBytes = bytesOfEntries(table.levelRow, table.levelCount, table.size,
		c.signed('level.bytes', Float64Array, true));
	table.partialRow = c.take('partial.row', Uint32Array);
	table.partialBorn = c.take('partial.born', Uint8Array);
	table.partialCount = c.take('partial.count', Float64Array);
	table.partialBytes = c.take('partial.bytes', Float64Array);
	return table;
}

// Keys of rows are numbered from 1, as the rows are.
function keys(c, names) {
	const out = {};

	for (const [column, name] of names) {
		const values = c.signed(column, Uint32Array);

		out[name] = new Uint32Array(values.length + 1);
		out[name].set(values, 1);
	}
	return out;
}

function decode(bytes) {
	const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
	const data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
	const c = new Columns(data.columns, bytes, 4 + length);

	if (data.version !== 1)
		throw new Error('made by another version');
	for (const run of data.runs) {
		run.stacks = readTable(c, run.n, keys(c, [
			['s.node', 'node'], ['s.label', 'label'], ['s.module', 'module']
		]));
		run.lines = readTable(c, run.n, keys(c, [
			['l.leaf0', 'python'], ['l.leaf1', 'outside'], ['l.leaf2', 'all'],
			['l.label', 'label'], ['l.module', 'module'], ['l.kind', 'kind'],
			['l.type', 'type'], ['l.class', 'class']
		]));
	}
	data.nodes = keys(c, [['node.parent', 'parent'], ['node.frame', 'frame']]);
	data.frames = keys(c, [
		['frame.func', 'func'], ['frame.file', 'file'], ['frame.module', 'module'],
		['frame.source', 'source'], ['frame.line', 'line']
	]);
	data.frames.flags = new Uint8Array(data.frames.func.length);
	data.frames.flags.set(c.take('frame.flags', Uint8Array), 1);
	return data;
}
