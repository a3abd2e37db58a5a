'use strict';
// leaks.js - Leaks: what of the window's allocations was left at its end, since when.

class Leaks {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.by = 'line';
		this.lead = el('p.lead');
		this.table = new Table('Leaks', [], 'leakedBytes');
		this.table.prepare = (rows) => this.prepare(rows);
		root.append(this.lead,
			el('div.controls', {},
				choice('Rows of the table',
					[['line', 'Lines'], ['function', 'Functions']], 'line',
					(v) => {
						this.by = v;
						app.changed();
					})),
			this.table.root);
	}

	update(matcher) {
		const { app, by } = this, table = app.run.lines, leaf = table[app.frames];
		let rows = sumBy(table, app.values.lines, app.allowed.lines, app.rowGroups(by))
			.filter((r) => r.leakedCount || r.leakedBytes);

		if (matcher)
			rows = rows.filter((r) => matcher(leaf[r.row]));
		for (const r of rows)
			r.name = app.nameOf(leaf[r.row], by);
		this.lead.replaceChildren(el('strong', {}, bytes(app.sum('leakedBytes'))),
			` in ${count(app.sum('leakedCount'))} blocks allocated in this window `
			+ 'were not freed by its end.');
		this.table.columns = this.columns(leaf);
		this.table.show(rows);
	}

	columns(leaf) {
		const { app, by, data } = this, { run } = app, [a, b] = app.window;
		const minutes = (edge(run, b) - edge(run, a)) / 6e10;
		const at = (i) => i < 0 ? '' : time(edge(run, i), run.width);

		return [
			{
				id: 'name',
				title: LABELS[by],
				value: (r) => r.name,
				text: (r) => nameCell(data, by, leaf[r.row])
			},
			{
				id: 'leakedBytes',
				title: 'Leaked',
				value: (r) => r.leakedBytes,
				show: bytes,
				sum: true,
				bar: true,
				exact: (v) => exact(v, 'bytes')
			},
			{
				id: 'leakedCount',
				title: 'Blocks',
				value: (r) => r.leakedCount,
				show: count,
				sum: true,
				exact: (v) => exact(v, 'blocks')
			},
			{
				id: 'first',
				title: 'First',
				value: (r) => r.first,
				show: at,
				hint: 'the step the oldest of them was allocated in'
			},
			{
				id: 'last',
				title: 'Last',
				value: (r) => r.last,
				show: at,
				hint: 'the step the newest of them was allocated in'
			},
			{
				id: 'rate',
				title: 'Per minute',
				show: bytes,
				sum: true,
				value: (r) =>
					minutes > 0 ? Math.round(r.leakedBytes / minutes) : 0,
				hint: 'leaked bytes by the length of the window'
			},
			{
				id: 'trend',
				title: 'Trend',
				value: (r) => r.last,
				show: (v, r) => this.trend(r),
				hint: 'what is left, by when it was allocated; growing as '
					+ 'mp-leaks --growing has it; once: all in one step'
			},
		];
	}

	// How the rows to be drawn came to be.
	prepare(rows) {
		const { app } = this, table = app.run.lines, { of } = app.rowGroups(this.by),
			    [a, b] = app.window;
		const place = new Map(rows.map((r, i) => [r.group, i])),
		      group = new Int32Array(table.rows + 1).fill(-1);

		for (let row = 1; row <= table.rows; row++)
			if (app.allowed.lines[row])
				group[row] = place.get(of[row]) ?? -1;
		seriesOf(app.run, table, a, b, group, rows.length)
			.forEach((series, i) => rows[i].series = series);
	}

	trend(row) {
		const { app } = this, [a, b] = app.window, { births } = row.series;
		const n = births.length, sum = births.reduce((x, y) => x + y, 0);
		let grown = 0, d = 'M0 18';

		births.forEach((v, i) => {
			grown += v;
			d += `L${((i + 1) / n * 70).toFixed(1)} ${
				(18 - 16 * grown / (sum || 1)).toFixed(1)}`;
		});
		const word = trendOf(app.run, row.series, a, b);

		return el('span.trend', {},
			svg('svg', { width: 70, height: 20, 'aria-hidden': 'true' },
				svg('path', { d })),
			el(`span.word${word ? `.${word}` : ''}`, {}, word));
	}
}
