'use strict';
// objects.js - Object Allocation Stats: what a line, function, module, thread, size and
// allocator holds in the window.

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

		root.append(
			el('div.controls', {},
				choice('Rows of the table',
					[
						['line', 'Lines'], ['function', 'Functions'],
						['module', 'Modules'], ['thread', 'Threads'],
						...types ? [['type', 'Types']] : []
					],
					'line',
					(v) => {
						this.by = v;
						this.table.shown = this.table.first;
						app.changed();
					})),
			this.table.root, el('div.pair', {}, this.sizes.root, this.kinds.root));
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
			return {
				cell: (r) => this.threadName(r.key),
				name: (r) => this.threadName(r.key)
			};
		if (by === 'type')
			return {
				cell: (r) => plain(data.strings[r.key]) || '[no type]',
				name: (r) => plain(data.strings[r.key])
			};
		if (by === 'module' && app.frames === 'python')
			return {
				cell: (r) => data.strings[r.key] === '[rest]'
					? '[rest]'
					: moduleCell(data, r.key, frameKind(data, leaf[r.row])),
				name: (r) => plain(data.strings[r.key])
			};
		return {
			cell: (r) => nameCell(data, by, leaf[r.row]),
			name: (r) => app.nameOf(leaf[r.row], by),
			leaf
		};
	}

	threadName(i) {
		const { run } = this.app, [p, tid, name] = run.labels[i],
			    process = run.processes[p];

		return `${plain(name) || 'thread'}${tid ? ` ${tid}` : ''}${
			process && run.processes.length > 1
				? ` of ${plain(process[1])} (${process[0]})`
				: ''}`;
	}

	totals(groups) {
		const { app } = this, shown = app.shown(),
			    key = `outermost ${app.frames} ${app.hideImport} ${groups.by}`;
		const first = app.kept(key, () => outermost(shown.trie, groups.of));

		return groupTotals(shown.trie,
			withChildren(shown.trie,
				ownValues(shown, app.run.stacks, app.values.stacks[app.measure],
					app.allowed.stacks)),
			groups.of, first, groups.n);
	}

	main(matcher) {
		const { app, by } = this, table = app.run.lines, g = this.grouping();
		let rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups(by));
		const totals =
			by === 'line' || by === 'function' ? this.totals(app.groups(by)) : null;

		if (matcher && g.leaf)
			rows = rows.filter((r) => matcher(g.leaf[r.row]));
		if (!matcher && !app.filtered())
			rows.push(...this.lost());
		for (const r of rows) {
			r.name = r.key === 'lost' ? '[lost]' : g.name(r);
			r.total = totals && r.key !== 'lost'
				? Math.max(totals[r.key], r[app.measure])
				: r[app.measure];
		}
		this.table.name = `By ${by}`;
		this.table.columns =
			statColumns(by, (r) => r.key === 'lost' ? r.name : g.cell(r),
				totals ? (v) => quantity(v, app.unit) : null,
				time(app.run.width, app.run.width));
		this.table.show(rows);
	}

	// What damage took the stacks of, as a row like any other.
	lost() {
		const { app } = this, f = app.figures, { run } = app, [a, b] = app.window;
		const leaked = a === 0 && b === run.n ? run.live_lost : [0, 0];
		const row = {
			key: 'lost',
			first: -1,
			last: -1,
			...Object.fromEntries(SUMS.map((s) => [s, 0])),
			peakBytes: f.peakLostBytes,
			peakCount: f.peakLostCount,
			leakedBytes: leaked[0],
			leakedCount: leaked[1]
		};

		return SUMS.some((s) => row[s]) ? [row] : [];
	}

	histogram() {
		const { app } = this, table = app.run.lines;
		const rows = sumBy(
			table, app.values.lines, app.allowed.lines, app.rowGroups('class'));
		const name = (k) => k < 2 ? `${k} B`
			: k < 11 ? `${2 ** (k - 1)} \u2013 ${2 ** k - 1} B`
				 : `${sizeName(k - 1)} \u2013 ${sizeName(k)}`;
		const column = (id, title, show, unit, more = {}) => ({
			id,
			title,
			value: (r) => r[id],
			show,
			sum: true,
			exact: (v) => exact(v, unit),
			...more
		});

		this.sizes.columns = [
			{
				id: 'class',
				title: 'Size',
				text: (r) => name(r.key),
				value: (r) => r.key
			},
			column('allocatedCount', 'Count', count, 'blocks', { bar: true }),
			column('allocatedBytes', 'Allocated', bytes, 'bytes', { bar: true }),
			column('peakBytes', 'Peak', bytes, 'bytes')
		];
		this.sizes.show(rows);
	}

	allocators() {
		const { app } = this, table = app.run.lines;
		const rows = sumBy(
			table, app.values.lines, app.allowed.lines, app.rowGroups('kind'));

		for (const r of rows)
			r.name = ALLOCATORS[r.key] || `allocator ${r.key}`;
		const columns = statColumns('kind', (r) => r.name, null, '');

		this.kinds.columns = columns.filter((c) => ['name', 'peakBytes', 'leakedBytes',
							    'allocatedBytes', 'allocatedCount']
								   .includes(c.id));
		this.kinds.show(rows);
	}
}

const sizeName = (k) => bytes(2 ** k).replace('.0', '');
