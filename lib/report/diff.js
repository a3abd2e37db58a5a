'use strict';
// diff.js - two runs against each other: the report's stacks are the same in both.

class Diff {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.by = 'line';
		this.summary = el('p.lead');
		this.flame = new Flame(app.data, 'Stacks by how they changed');
		this.table = new Table('What changed', [], 'change');
		const key = (kind, text) => el('span', {}, el(`span.swatch.${kind}`), text);

		root.append(this.summary,
			el('p.key', {}, key('grew', 'grew'), key('shrank', 'shrank'),
				key('same', 'the same'),
				el('span', {},
					'A box is as wide as before and after together.')),
			this.flame.about, this.flame.scroller, this.flame.cut,
			el('div.controls', {},
				choice('Rows of the table',
					[
						['line', 'Lines'], ['function', 'Functions'],
						['module', 'Modules']
					],
					'line',
					(v) => {
						this.by = v;
						app.changed();
					})),
			this.table.root);
	}

	// Values of a measure of both runs, each in its own window.
	sides() {
		const { app } = this, measure = app.measure;

		return this.data.runs.map((run, i) => {
			const [a, b] = app.windows[i];

			return {
				run,
				a,
				b,
				stacks: valuesOf(run, run.stacks, a, b)[measure],
				lines: valuesOf(run, run.lines, a, b)[measure],
				figures: windowFigures(run, a, b)
			};
		});
	}

	// Threads and processes of two runs are not the same: search and module alone hold.
	update(matcher) {
		const [old, now] = this.sides(), { app } = this,
			    q = (v) => quantity(v, app.unit);
		const before = old.figures[app.measure], after = now.figures[app.measure];

		this.summary.replaceChildren(`${app.measureName()}: `,
			el('strong', {}, q(before)), ' before, ', el('strong', {}, q(after)),
			' after: ', el('strong', {}, signed(after - before, app.unit)),
			before ? ` (${after > before ? '+' : ''}${
					 percent(after - before, before)})`
			       : '',
			'. ',
			this.data.runs
				.map((run, i) => `${i ? 'After' : 'Before'}: ${
					     plain(run.name)}, ${app.spanOf(i)}`)
				.join('. '),
			'.');
		this.showFlame(old, now);
		this.flame.mark(matcher);
		this.showTable(old, now, matcher);
	}

	showFlame(old, now) {
		const { app } = this, shown = app.shown(), { trie } = shown;
		const side = (s) => withChildren(trie, ownValues(shown, s.run.stacks, s.stacks,
			mask(s.run.stacks, null, app.modules())));
		const before = side(old), after = side(now),
		      total = before.map((v, i) => v + after[i]);

		this.flame.show({ trie, total, children: childrenOf(trie, total), root: 'all',
			tint: (node) => tint(after[node] - before[node], total[node]),
			say: (v) => quantity(v, app.unit),
			describe: (node) => [`${quantity(before[node], app.unit)} before, ${
				quantity(after[node], app.unit)} after: `,
			el('strong', {}, signed(after[node] - before[node], app.unit))] });
	}

	showTable(old, now, matcher) {
		const { app, data, by } = this, groups = app.groups(by), rows = new Map();

		[old, now].forEach((side, i) => {
			const table = side.run.lines, leaf = table[app.frames];
			const ok = mask(table, null, app.modules());

			for (let row = 1; row <= table.rows; row++) {
				const g = by === 'module' && app.frames === 'python'
					? table.module[row]
					: groups.of[leaf[row]];

				if (!ok[row] || !side.lines[row] || (matcher && !matcher(leaf[row])))
					continue;
				if (!rows.has(g))
					rows.set(g, { g, frame: leaf[row], sides: [0, 0] });
				rows.get(g).sides[i] += side.lines[row];
			}
		});
		const show = (v) => quantity(v, app.unit), out = [...rows.values()];

		for (const r of out)
			r.name = app.nameOf(r.frame, by);
		this.table.columns = [
			{
				id: 'name',
				title: LABELS[by],
				value: (r) => r.name,
				text: (r) => nameCell(data, by, r.frame)
			},
			{
				id: 'old',
				title: 'Before',
				value: (r) => r.sides[0],
				show,
				sum: true,
				exact: (v) => exact(v, app.unit)
			},
			{
				id: 'new',
				title: 'After',
				value: (r) => r.sides[1],
				show,
				sum: true,
				exact: (v) => exact(v, app.unit)
			},
			{
				id: 'change',
				title: 'Change',
				value: (r) => r.sides[1] - r.sides[0],
				sum: true,
				bar: true,
				rank: (r) => Math.abs(r.sides[1] - r.sides[0]),
				show: (v) => signed(v, app.unit),
				exact: (v) => exact(v, app.unit)
			},
			{
				id: 'percent',
				title: '%',
				value: (r) => r.sides[0]
					? (r.sides[1] - r.sides[0]) / r.sides[0]
					: Infinity,
				show: (v) => v === Infinity
					? 'new'
					: `${v > 0 ? '+' : ''}${percent(v, 1)}`
			}
		];
		for (const r of out)
			r.class = r.sides[1] > r.sides[0] ? 'grew'
				: r.sides[1] < r.sides[0] ? 'shrank'
							  : 'same';
		this.table.show(out);
	}
}

const signed = (v, unit) => `${v > 0 ? '+' : ''}${quantity(v, unit)}`;

// Five steps each way, by how much of old and new together the change is.
function tint(change, whole) {
	const part = whole ? Math.abs(change) / whole : 0;

	return part < 0.01
		? 'same'
		: `${change > 0 ? 'grew' : 'shrank'} step${Math.ceil(Math.min(1, part) * 4)}`;
}
