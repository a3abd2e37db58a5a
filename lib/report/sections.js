'use strict';
// sections.js - stacks, objects and leaks: each shows the window and the filters.

class Stacks {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.flame = new Flame(app.data, 'Call stacks');
		this.table = new Table('Top stacks', [], 'own', 10);
		this.share = el('span.found', { role: 'status' });
		this.flame.onzoom = () => this.unzoom.hidden = !this.flame.zoom;
		this.unzoom = el('button', { type: 'button', hidden: true, onclick: () => this.flame.zoomTo(0) }, 'Reset zoom');
		root.append(el('div.controls', {}, choice('Which way up', [['icicle', 'Icicle'], ['flame', 'Flame']], 'icicle',
			(v) => this.flame.turn(v === 'icicle')), check('Inverted', app.inverted, (v) => app.set('inverted', v), 'the frame that allocated first, its callers behind it'),
		check('Hide the import system', app.hideImport, (v) => app.set('hideImport', v)), this.unzoom, this.share),
		this.key(), this.flame.about, this.flame.scroller, this.table.root);
		new ResizeObserver(() => this.flame.view && this.flame.draw()).observe(this.flame.scroller);
	}

	key() {
		return el('p.key', {}, ...Object.entries(KINDS).map(([kind, text]) =>
			el('span', {}, el(`span.swatch.${kind}`), text)));
	}

	tree() {
		const { app } = this, { run } = app, shown = app.shown();

		return app.inverted ? app.kept(`inverted ${app.at} ${app.frames} ${app.hideImport}`, () =>
			invert(shown, run.stacks.node, this.heavy(shown))) : shown;
	}

	// Which stacks hold at least a four thousandth of anything in the whole run.
	heavy(shown) {
		const { run } = this.app, whole = this.whole(), out = new Uint8Array(shown.trie.size);
		const all = new Uint8Array(run.stacks.rows + 1).fill(1);

		for (const what of MEASURES)
			for (const unit of ['Bytes', 'Count']) {
				const own = ownValues(shown, run.stacks, whole[what + unit], all);
				const least = own.reduce((x, y) => x + y, 0) / 4000;

				own.forEach((v, i) => out[i] |= v > 0 && v >= least ? 1 : 0);
			}
		return out;
	}

	whole() {
		const { app } = this;

		return app.kept(`whole ${app.at}`, () => valuesOf(app.run, app.run.stacks, 0, app.run.n));
	}

	// Children in the order of the whole run, so that boxes keep their places.
	children(tree) {
		const { app } = this, { run } = app, key = `children ${app.at} ${app.frames} ${app.hideImport} ${
			app.inverted} ${app.measure}`;

		return app.kept(key, () => {
			return childrenOf(tree.trie, withChildren(tree.trie, ownValues(tree, run.stacks, this.whole()[app.measure],
				new Uint8Array(run.stacks.rows + 1).fill(1))));
		});
	}

	update(matcher) {
		const { app } = this, tree = this.tree(), table = app.run.stacks, ok = app.allowed.stacks;
		const own = (name) => ownValues(tree, table, app.values.stacks[name], ok);
		const all = new Map(), both = (name) => {
			if (!all.has(name)) {
				const o = own(name);

				all.set(name, { own: o, total: withChildren(tree.trie, o) });
			}
			return all.get(name);
		};
		const { total } = both(app.measure), say = (v) => quantity(v, app.unit);

		this.flame.show({ trie: tree.trie, total, children: this.children(tree), root: 'all', say,
			tint: (node) => {
				const frame = tree.trie.frame[node];

				return `${frameKind(this.data, frame)} shade${(this.data.frames.func[frame] * 7) % 4}`;
			},
			describe: (node) => this.describe(both, node) });
		const found = this.flame.mark(matcher);

		this.share.textContent = found === null ? '' : `${percent(found, total[0]) || '0'} matches`;
		this.rows(matcher);
	}

	describe(both, node) {
		const { app } = this, out = [];

		for (const what of MEASURES) {
			const b = both(`${what}Bytes`), c = both(`${what}Count`);

			out.push(el(`span.figure${what === app.what ? '.chosen' : ''}`, {}, `${{ peak: 'at the peak',
				leaked: 'leaked', allocated: 'allocated' }[what]} `, el('strong', {}, bytes(b.total[node])),
			` in ${count(c.total[node])} (${percent(b.total[node], b.total[0]) || '0'})${
				app.inverted ? '' : `, own ${bytes(b.own[node])}`}`));
		}
		return out;
	}

	// The largest stacks of their own.
	rows(matcher) {
		const { app, data } = this, shown = app.shown(), table = app.run.stacks, { trie } = shown;
		const own = {}, total = {};

		for (const unit of ['Bytes', 'Count']) {
			own[unit] = ownValues(shown, table, app.values.stacks[app.what + unit], app.allowed.stacks);
			total[unit] = withChildren(trie, own[unit]);
		}
		const rows = [];

		for (let node = 0; node < trie.size; node++)
			if (own.Bytes[node] || own.Count[node]) {
				if (matcher && !trie.path(node).some(matcher))
					continue;
				rows.push({ node, frame: trie.frame[node] });
			}
		const column = (id, title, values, unit) => ({ id, title, value: (r) => values[r.node],
			show: (v) => quantity(v, unit), exact: (v) => exact(v, unit) });

		this.table.columns = [
			{ id: 'stack', title: 'Stack', text: (r) => this.stack(trie, r.node),
				value: (r) => trie.path(r.node).map((f) => app.nameOf(f, 'line')).join(';') },
			{ ...column(app.unit === 'bytes' ? 'own' : 'ownbytes', 'Own', own.Bytes, 'bytes'), sum: true, bar: app.unit === 'bytes' },
			{ ...column(app.unit === 'bytes' ? 'ownblocks' : 'own', 'Blocks', own.Count, 'blocks'), sum: true, bar: app.unit !== 'bytes' },
			column('total', 'With callees', total.Bytes, 'bytes'),
			column('totalblocks', 'Blocks', total.Count, 'blocks')];
		this.table.show(rows);
	}

	stack(trie, node) {
		const path = trie.path(node).reverse();

		if (!node)
			return '[no frame shown]';
		// the frames are listed once somebody asks
		const list = el('ol'), more = path.length > 2 ? ` \u2190 ${number(path.length - 2)} more` : '';
		const open = () => list.childElementCount || list.append(...path.slice(0, 400).map((f) =>
			el('li', {}, nameCell(this.data, 'line', f))));

		return el('details.stack', { ontoggle: open }, el('summary', {}, nameCell(this.data, 'stack', path[0]),
			path.length > 1 ? el('span.muted', {}, ` \u2190 ${frameName(this.data, path[1])}${more}`) : ''), list);
	}
}

// ---- objects -------------------------------------------------------------------------------

class Objects {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.by = 'line';
		this.table = new Table('By line', [], 'peakBytes');
		this.sizes = new Table('Sizes of blocks', [], 'class', 64);
		this.sizes.down = false;
		this.kinds = new Table('Allocators', [], 'allocatedBytes', 12);
		const types = app.run.lines.type.some((t) => t);

		root.append(el('div.controls', {}, choice('Rows of the table', [['line', 'Lines'], ['function', 'Functions'],
			['module', 'Modules'], ['thread', 'Threads'], ...types ? [['type', 'Types']] : []], 'line', (v) => {
			this.by = v;
			this.table.shown = this.table.first;
			app.changed();
		})), this.table.root, el('div.pair', {}, this.sizes.root, this.kinds.root));
	}

	update(matcher) {
		this.main(matcher);
		this.histogram();
		this.allocators();
	}

	// How the rows are grouped, and the cell and text that name a group.
	grouping() {
		const { app, data, by } = this, table = app.run.lines, leaf = table[app.frames];

		if (by === 'thread')
			return { cell: (r) => this.threadName(r.key), name: (r) => this.threadName(r.key) };
		if (by === 'type')
			return { cell: (r) => plain(data.strings[r.key]) || '[no type]', name: (r) => plain(data.strings[r.key]) };
		if (by === 'module' && app.frames === 'python')
			return { cell: (r) => data.strings[r.key] === '[rest]' ? '[rest]'
				: moduleCell(data, r.key, frameKind(data, leaf[r.row])), name: (r) => plain(data.strings[r.key]) };
		return { cell: (r) => nameCell(data, by, leaf[r.row]), name: (r) => app.nameOf(leaf[r.row], by), leaf };
	}

	threadName(i) {
		const { run } = this.app, [p, tid, name] = run.labels[i], process = run.processes[p];

		return `${plain(name) || 'thread'}${tid ? ` ${tid}` : ''}${process && run.processes.length > 1
			? ` of ${plain(process[1])} (${process[0]})` : ''}`;
	}

	totals(groups) {
		const { app } = this, shown = app.shown(), key = `outermost ${app.frames} ${app.hideImport} ${groups.by}`;
		const first = app.kept(key, () => outermost(shown.trie, groups.of));

		return groupTotals(shown.trie, withChildren(shown.trie, ownValues(shown, app.run.stacks,
			app.values.stacks[app.measure], app.allowed.stacks)), groups.of, first, groups.n);
	}

	main(matcher) {
		const { app, by } = this, table = app.run.lines, g = this.grouping();
		let rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups(by));
		const totals = by === 'line' || by === 'function' ? this.totals(app.groups(by)) : null;

		if (matcher && g.leaf)
			rows = rows.filter((r) => matcher(g.leaf[r.row]));
		if (!matcher && !app.filtered())
			rows.push(...this.lost());
		for (const r of rows) {
			r.name = r.key === 'lost' ? '[lost]' : g.name(r);
			r.total = totals && r.key !== 'lost' ? Math.max(totals[r.key], r[app.measure]) : r[app.measure];
		}
		this.table.name = `By ${by}`;
		this.table.columns = statColumns(by, (r) => r.key === 'lost' ? r.name : g.cell(r), totals ? (v) => quantity(v, app.unit) : null,
			time(app.run.width, app.run.width));
		this.table.show(rows);
	}

	// What damage took the stacks of, as a row like any other.
	lost() {
		const { app } = this, f = app.figures, { run } = app, [a, b] = app.window;
		const leaked = a === 0 && b === run.n ? run.live_lost : [0, 0];
		const row = { key: 'lost', first: -1, last: -1, ...Object.fromEntries(SUMS.map((s) => [s, 0])),
			peakBytes: f.peakLostBytes, peakCount: f.peakLostCount, leakedBytes: leaked[0], leakedCount: leaked[1] };

		return SUMS.some((s) => row[s]) ? [row] : [];
	}

	histogram() {
		const { app } = this, table = app.run.lines;
		const rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups('class'));
		const name = (k) => k < 2 ? `${k} B` : k < 11 ? `${2 ** (k - 1)} \u2013 ${2 ** k - 1} B`
			: `${sizeName(k - 1)} \u2013 ${sizeName(k)}`;
		const column = (id, title, show, unit, more = {}) => ({ id, title, value: (r) => r[id], show, sum: true,
			exact: (v) => exact(v, unit), ...more });

		this.sizes.columns = [{ id: 'class', title: 'Size', text: (r) => name(r.key), value: (r) => r.key },
			column('allocatedCount', 'Count', count, 'blocks', { bar: true }),
			column('allocatedBytes', 'Allocated', bytes, 'bytes', { bar: true }),
			column('peakBytes', 'Peak', bytes, 'bytes')];
		this.sizes.show(rows);
	}

	allocators() {
		const { app } = this, table = app.run.lines;
		const rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups('kind'));

		for (const r of rows)
			r.name = ALLOCATORS[r.key] || `allocator ${r.key}`;
		const columns = statColumns('kind', (r) => r.name, null, '');

		this.kinds.columns = columns.filter((c) => ['name', 'peakBytes', 'leakedBytes', 'allocatedBytes',
			'allocatedCount'].includes(c.id));
		this.kinds.show(rows);
	}
}

const sizeName = (k) => bytes(2 ** k).replace('.0', '');

// ---- leaks -----------------------------------------------------------------------------------

class Leaks {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.by = 'line';
		this.lead = el('p.lead');
		this.table = new Table('Leaks', [], 'leakedBytes');
		this.table.prepare = (rows) => this.prepare(rows);
		root.append(this.lead, el('div.controls', {}, choice('Rows of the table', [['line', 'Lines'],
			['function', 'Functions']], 'line', (v) => {
			this.by = v;
			app.changed();
		})), this.table.root);
	}

	update(matcher) {
		const { app, by, data } = this, table = app.run.lines, leaf = table[app.frames];
		const [a, b] = app.window, minutes = (edge(app.run, b) - edge(app.run, a)) / 6e10;
		let rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups(by))
			.filter((r) => r.leakedCount || r.leakedBytes);

		if (matcher)
			rows = rows.filter((r) => matcher(leaf[r.row]));
		for (const r of rows)
			r.name = app.nameOf(leaf[r.row], by);
		const at = (i) => i < 0 ? '' : time(edge(app.run, i), app.run.width);

		this.lead.replaceChildren(el('strong', {}, bytes(app.sum('leakedBytes'))), ` in ${count(app.sum('leakedCount'))
		} blocks allocated in this window were not freed by its end.`);
		this.table.columns = [{ id: 'name', title: LABELS[by], value: (r) => r.name, text: (r) => nameCell(data, by, leaf[r.row]) },
			{ id: 'leakedBytes', title: 'Leaked', value: (r) => r.leakedBytes, show: bytes, sum: true, bar: true,
				exact: (v) => exact(v, 'bytes') },
			{ id: 'leakedCount', title: 'Blocks', value: (r) => r.leakedCount, show: count, sum: true,
				exact: (v) => exact(v, 'blocks') },
			{ id: 'first', title: 'First', hint: 'the step the oldest of them was allocated in', value: (r) => r.first, show: at },
			{ id: 'last', title: 'Last', hint: 'the step the newest of them was allocated in', value: (r) => r.last, show: at },
			{ id: 'rate', title: 'Per minute', hint: 'leaked bytes by the length of the window',
				value: (r) => minutes > 0 ? Math.round(r.leakedBytes / minutes) : 0, show: bytes, sum: true },
			{ id: 'trend', title: 'Trend', hint: 'what is left of it, by when it was allocated; growing as mp-leaks --growing has it;'
				+ ' once: all of it in one step',
			value: (r) => r.last, show: (v, r) => this.trend(r) }];
		this.table.show(rows);
	}

	// How the rows to be drawn came to be.
	prepare(rows) {
		const { app } = this, table = app.run.lines, { of } = app.rowGroups(this.by), [a, b] = app.window;
		const place = new Map(rows.map((r, i) => [r.group, i])), group = new Int32Array(table.rows + 1).fill(-1);

		for (let row = 1; row <= table.rows; row++)
			if (app.allowed.lines[row])
				group[row] = place.get(of[row]) ?? -1;
		seriesOf(app.run, table, a, b, group, rows.length).forEach((series, i) => rows[i].series = series);
	}

	trend(row) {
		const { app } = this, [a, b] = app.window, { births } = row.series;
		const n = births.length, sum = births.reduce((x, y) => x + y, 0);
		let grown = 0, d = 'M0 18';

		births.forEach((v, i) => {
			grown += v;
			d += `L${((i + 1) / n * 70).toFixed(1)} ${(18 - 16 * grown / (sum || 1)).toFixed(1)}`;
		});
		const word = trendOf(app.run, row.series, a, b);

		return el('span.trend', {}, svg('svg', { width: 70, height: 20, 'aria-hidden': 'true' }, svg('path', { d })),
			el(`span.word${word ? `.${word}` : ''}`, {}, word));
	}
}
