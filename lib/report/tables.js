'use strict';
// tables.js - rows of lines, functions, modules, stacks and leaks.
// Invariant: what a table does not show is summed up in its last row, so that a column
// adds up to the figure above it.

// COLUMNS: { id, title, hint, text(row) -> string or node, value(row) -> number or string,
// sum: whether a total means anything, bar: whether a bar shows its share }
class Table {
	constructor(name, columns, sort, shown = 15) {
		this.columns = columns;
		this.sort = sort;
		this.down = true;
		this.first = shown;
		this.shown = shown;
		this.rows = [];
		this.root =
			el('div.table', { role: 'region', 'aria-label': name, tabindex: 0 });
		this.name = name;
	}

	show(rows) {
		this.rows = rows;
		this.draw();
	}

	order() {
		const column = this.columns.find((c) => c.id === this.sort) || this.columns[0];
		const sign = this.down ? -1 : 1, key = column.rank || column.value;
		const keyed = this.rows.map((row, i) => [key(row), row, i]);

		keyed.sort((x, y) => x[0] < y[0] ? -sign : x[0] > y[0] ? sign : x[2] - y[2]);
		return keyed.map((k) => k[1]);
	}

	head() {
		const arrow = this.down ? '\u25be' : '\u25b4';
		const order = this.down ? 'descending' : 'ascending';

		return el('tr', {}, ...this.columns.map((c) => {
			const on = c.id === this.sort;
			const button = el('button', { type: 'button', 'data-sort': c.id,
				onclick: () => this.sortBy(c.id) }, c.title,
			on ? el('span', { 'aria-hidden': 'true' }, arrow) : '');

			return el(c.text ? 'th' : 'th.num', { scope: 'col', title: c.hint,
				'aria-sort': on ? order : null }, button);
		}));
	}

	sortBy(id) {
		this.down = this.sort === id ? !this.down : true;
		this.sort = id;
		this.draw();
		const button = this.root.querySelector(`[data-sort="${id}"]`);

		if (button)
			button.focus();
	}

	cell(c, row, max) {
		if (c.text)
			return el('td.what', {}, c.text(row));
		const value = c.value(row), title = c.exact ? c.exact(value) : null;
		const td = el('td.num', { title }, c.show(value, row));

		if (c.bar && max > 0 && value !== 0) {
			const bar = el('span.bar', { 'aria-hidden': 'true' });

			bar.style.width = `${Math.min(100, 100 * Math.abs(value) / max)}%`;
			td.append(bar);
		}
		return td;
	}

	// What is not shown.
	rest(hidden) {
		const sum = (c) => hidden.reduce((s, row) => s + c.value(row), 0);

		return el('tr.rest', {}, ...this.columns.map((c) =>
			c.text ? el('td.what', {}, `${number(hidden.length)} more`)
				: el('td.num', {}, c.sum ? c.show(sum(c)) : '')));
	}

	draw() {
		const rows = this.order(), visible = rows.slice(0, this.shown);
		const hidden = rows.slice(this.shown), body = el('tbody');

		if (this.prepare)
			this.prepare(visible);
		const max = this.columns.map((c) => c.bar
			? rows.reduce((m, row) => Math.max(m, Math.abs(c.value(row))), 0) : 0);

		for (const row of visible)
			body.append(el(row.class ? `tr.${row.class}` : 'tr', {},
				...this.columns.map((c, i) => this.cell(c, row, max[i]))));
		if (hidden.length)
			body.append(this.rest(hidden));
		if (!rows.length)
			body.append(el('tr', {}, el('td.none', { colspan: this.columns.length },
				'Nothing here in this window.')));
		this.root.replaceChildren(el('table', {}, el('caption', {}, this.name),
			el('thead', {}, this.head()), body),
		this.foot(rows.length, hidden.length));
	}

	foot(rows, hidden) {
		const out = el('p.more'), many = Math.min(100, hidden);
		const button = (text, act) =>
			out.append(el('button', { type: 'button', onclick: act }, text));

		if (hidden)
			button(`Show ${many} more`, () => this.grow(100));
		if (this.shown > this.first)
			button('Show fewer', () => this.grow(this.first - this.shown));
		if (rows)
			button('Save as CSV', () => this.save());
		return out;
	}

	grow(by) {
		this.shown += by;
		this.draw();
	}

	save() {
		const columns = this.columns.filter((c) => c.value);

		download(`${this.name.toLowerCase().replace(/[^a-z]+/g, '-')}.csv`, csv([
			columns.map((c) => c.title),
			...this.order().map((row) => columns.map((c) => c.value(row)))
		]));
	}
}

// ---- groups of frames ------------------------------------------------------------------

// Frames by what they are called at some level: the number of a frame's group, and a
// frame of each.  Named as mp-top --by names them.
function groupFrames(data, by) {
	const f = data.frames, n = f.func.length, of = new Uint32Array(n), of1 = [0];
	const index = new Map();

	for (let i = 1; i < n; i++) {
		const native = f.flags[i] & NATIVE, note = f.flags[i] & NOTE;
		const key = note ? `note ${f.func[i]}`
			: by === 'module'
			? `m ${native ? f.module[i] : f.file[i]}`
			: `${f.func[i]} ${f.file[i]} ${
				  f.flags[i] & UNRESOLVED
					  ? f.module[i]
					  : ''} ${by === 'line' ? f.line[i] : ''}`;

		if (!index.has(key)) {
			index.set(key, of1.length);
			of1.push(i);
		}
		of[i] = index.get(key);
	}
	return { of, frame: of1, n: of1.length, by };
}

const LABELS = {
	line: 'Line',
	function: 'Function',
	module: 'Module',
	kind: 'Allocator',
	thread: 'Thread',
	type: 'Type',
};

// The numbers of wire.h.
const ALLOCATORS = {
	1: 'malloc',
	2: 'calloc',
	3: 'realloc',
	4: 'posix_memalign',
	5: 'aligned_alloc',
	6: 'memalign',
	7: 'valloc',
	8: 'pvalloc',
	9: 'reallocarray',
	10: 'new',
	16: 'PyMem_Malloc',
	17: 'PyMem_Calloc',
	18: 'PyMem_Realloc',
	19: 'PyObject_Malloc',
	20: 'PyObject_Calloc',
	21: 'PyObject_Realloc',
	32: 'mmap',
	34: 'mremap',
	35: 'brk',
	33: 'mmap file',
	36: 'mremap file',
	40: 'arena',
	41: 'runtime'
};

// The cell that names a group's frame: its name, its place, its line's text.
function nameCell(data, by, frame) {
	const name = frameName(data, frame), place = framePlace(data, frame);
	const kind = frameKind(data, frame),
	      source = by === 'line' ? data.strings[data.frames.source[frame]] : '';
	const dot = el(`span.dot.${kind}`,
		{ title: KINDS[kind], role: 'img', 'aria-label': KINDS[kind] });

	if (kind === 'note')
		return el('span.name', {}, dot,
			el('span', { title: 'stacks too small to be kept apart' }, name));
	if (by === 'module')
		return moduleCell(data,
			data.frames.flags[frame] & NATIVE ? data.frames.module[frame]
							  : data.frames.file[frame],
			kind);
	const shown = by === 'function' ? place.replace(/:\d+$/, '') : place;

	return el('span.name', {}, dot, el('strong', {}, name), ' ',
		el('span.place', { title: shown }, shortFile(shown)),
		source ? el('code.source', {}, plain(source)) : '');
}

function moduleCell(data, string, kind) {
	const path = plain(data.strings[string]), isFile = kind === 'python';

	return el('span.name', {},
		el(`span.dot.${kind}`,
			{ title: KINDS[kind], role: 'img', 'aria-label': KINDS[kind] }),
		el('strong', { title: path },
			path             ? isFile ? shortFile(path) : basename(path)
					    : isFile ? '[no file]'
					 : '[no module]'));
}

// ---- sums over the rows of lines -----------------------------------------------------------

const SUMS = ['peakBytes', 'peakCount', 'leakedBytes', 'leakedCount', 'allocatedBytes',
	'allocatedCount', 'shortBytes', 'shortCount'];

// The rows of a table in groups: KEY(row) is a number or a string.
function groupRows(table, key) {
	const of = new Uint32Array(table.rows + 1), first = [], keys = [], index = new Map();

	for (let row = 1; row <= table.rows; row++) {
		const k = key(row);

		if (!index.has(k)) {
			index.set(k, keys.length);
			keys.push(k);
			first.push(row);
		}
		of[row] = index.get(k);
	}
	return { of, first, keys };
}

// What the mask lets through, summed up by group: { key, row, first, last, …sums }, of
// groups that have anything.
function sumBy(table, values, allowed, groups) {
	const { of, keys } = groups, n = keys.length, out = [], sums = {};

	for (const name of SUMS) {
		const from = values[name], to = sums[name] = new Float64Array(n);

		for (let row = 1; row <= table.rows; row++)
			if (allowed[row])
				to[of[row]] += from[row];
	}
	const first = new Int16Array(n).fill(-1), last = new Int16Array(n).fill(-1);

	for (let row = 1; row <= table.rows; row++) {
		const g = of[row];

		if (!allowed[row] || values.first[row] < 0)
			continue;
		first[g] = first[g] < 0 ? values.first[row]
					: Math.min(first[g], values.first[row]);
		last[g] = Math.max(last[g], values.last[row]);
	}
	for (let g = 0; g < n; g++) {
		if (!sums.allocatedCount[g] && !sums.peakCount[g] && !sums.leakedCount[g])
			continue;
		const row = {
			group: g,
			key: keys[g],
			row: groups.first[g],
			first: first[g],
			last: last[g]
		};

		for (const name of SUMS)
			row[name] = sums[name][g];
		out.push(row);
	}
	return out;
}

// The columns of Object Allocation Stats, the name first.
function statColumns(by, name, totals, step) {
	const amount = (id, title, unit, hint, more) => ({
		id,
		title,
		hint,
		value: (r) => r[id],
		sum: true,
		show: (v) => quantity(v, unit),
		exact: (v) => exact(v, unit),
		...more
	});
	const each = (r, v) => r.allocatedCount > 0 ? v / r.allocatedCount : -1;
	const columns = [
		{ id: 'name', title: LABELS[by], text: name, value: (r) => r.name },
		amount('peakBytes', 'Peak', 'bytes', 'live at the highest moment of the window',
			{ bar: true }),
		amount('peakCount', 'Blocks', 'blocks', 'live at that moment'),
		amount('leakedBytes', 'Leaked', 'bytes',
			'allocated in the window, not freed by its end'),
		amount('allocatedBytes', 'Allocated', 'bytes',
			'allocated in the window, freed or not'),
		amount('allocatedCount', 'Count', 'blocks', 'allocations in the window'),
		{
			id: 'mean',
			title: 'Mean',
			hint: 'allocated bytes by count',
			value: (r) => each(r, r.allocatedBytes),
			show: (v) => v < 0 ? '' : bytes(Math.round(v))
		},
		{
			id: 'short',
			title: 'Short-lived',
			hint: `share of the allocations freed within the same ${step}`,
			value: (r) => each(r, r.shortCount),
			show: (v) => v < 0 ? '' : `${(100 * v).toFixed(0)}\u202f%`
		},
	];

	if (totals)
		columns.splice(2, 0, amount('total', 'With callees', 'bytes',
			'the chosen measure, what was called from there included',
			{ show: totals, sum: false }));
	return columns;
}
