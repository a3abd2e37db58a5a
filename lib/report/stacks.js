'use strict';
// stacks.js - Top Allocating Call Stacks: the graph of the window, and its largest stacks.

class Stacks {
	constructor(app, root) {
		this.app = app;
		this.data = app.data;
		this.flame = new Flame(app.data, 'Call stacks');
		this.table = new Table('Top stacks', [], 'own', 10);
		this.share = el('span.found', { role: 'status' });
		this.flame.onzoom = () => this.unzoom.hidden = !this.flame.zoom;
		this.unzoom = el('button', { type: 'button', hidden: true,
			onclick: () => this.flame.zoomTo(0) }, 'Reset zoom');
		root.append(this.controls(), this.key(), this.flame.about, this.flame.scroller,
			this.flame.cut, this.table.root);
		new ResizeObserver(() => this.flame.view && this.flame.draw())
			.observe(this.flame.scroller);
	}

	controls() {
		const { app } = this;

		return el('div.controls', {},
			choice('Which way up', [['icicle', 'Icicle'], ['flame', 'Flame']],
				'icicle', (v) => this.flame.turn(v === 'icicle')),
			check('Inverted', app.inverted, (v) => app.set('inverted', v),
				'the frame that allocated first, its callers behind it'),
			check('Hide the import system', app.hideImport,
				(v) => app.set('hideImport', v)),
			this.unzoom, this.share);
	}

	key() {
		return el('p.key', {}, ...Object.entries(KINDS).map(([kind, text]) =>
			el('span', {}, el(`span.swatch.${kind}`), text)));
	}

	tree() {
		const { app } = this, { run } = app, shown = app.shown();

		return app.inverted
			? app.kept(`inverted ${app.at} ${app.frames} ${app.hideImport}`,
				  () => invert(shown, run.stacks.node, this.heavy(shown)))
			: shown;
	}

	// Which stacks hold at least a four thousandth of anything in the whole run.
	heavy(shown) {
		const { run } = this.app, whole = this.whole(),
			    out = new Uint8Array(shown.trie.size);
		const all = new Uint8Array(run.stacks.rows + 1).fill(1);

		for (const what of MEASURES)
			for (const unit of ['Bytes', 'Count']) {
				const own =
					ownValues(shown, run.stacks, whole[what + unit], all);
				const least = own.reduce((x, y) => x + y, 0) / 4000;

				own.forEach((v, i) => out[i] |= v > 0 && v >= least ? 1 : 0);
			}
		return out;
	}

	whole() {
		const { app } = this;

		return app.kept(`whole ${app.at}`,
			() => valuesOf(app.run, app.run.stacks, 0, app.run.n));
	}

	// Children in the order of the whole run, so that boxes keep their places.
	children(tree) {
		const { app } = this, { run } = app,
			    key = `children ${app.at} ${app.frames} ${app.hideImport} ${
				    app.inverted} ${app.measure}`;

		return app.kept(key, () => {
			return childrenOf(tree.trie,
				withChildren(tree.trie,
					ownValues(tree, run.stacks, this.whole()[app.measure],
						new Uint8Array(run.stacks.rows + 1).fill(1))));
		});
	}

	update(matcher) {
		const { app } = this, tree = this.tree(), table = app.run.stacks,
			    ok = app.allowed.stacks;
		const own = (name) => ownValues(tree, table, app.values.stacks[name], ok);
		const all = new Map(), both = (name) => {
			if (!all.has(name)) {
				const o = own(name);

				all.set(name, { own: o, total: withChildren(tree.trie, o) });
			}
			return all.get(name);
		};
		const { total } = both(app.measure), say = (v) => quantity(v, app.unit);

		this.flame.show({
			trie: tree.trie,
			total,
			children: this.children(tree),
			root: 'all',
			say,
			tint: (node) => {
				const frame = tree.trie.frame[node];

				return `${frameKind(this.data, frame)} shade${
					(this.data.frames.func[frame] * 7) % 4}`;
			},
			describe: (node) => this.describe(both, node)
		});
		const found = this.flame.mark(matcher);

		this.share.textContent =
			found === null ? '' : `${percent(found, total[0]) || '0'} matches`;
		this.rows(matcher);
	}

	describe(both, node) {
		const { app } = this;
		const names = { peak: 'at the peak', leaked: 'leaked', allocated: 'allocated' };

		return MEASURES.map((what) => {
			const b = both(`${what}Bytes`), c = both(`${what}Count`);
			const share = percent(b.total[node], b.total[0]) || '0';
			const own = app.inverted ? '' : `, own ${bytes(b.own[node])}`;

			return el(what === app.what ? 'span.chosen' : 'span', {},
				`${names[what]} `, el('strong', {}, bytes(b.total[node])),
				` in ${count(c.total[node])} (${share})${own}`);
		});
	}

	// The largest stacks of their own.
	rows(matcher) {
		const { app, data } = this, shown = app.shown(), table = app.run.stacks,
				  { trie } = shown;
		const own = {}, total = {};

		for (const unit of ['Bytes', 'Count']) {
			own[unit] = ownValues(shown, table, app.values.stacks[app.what + unit],
				app.allowed.stacks);
			total[unit] = withChildren(trie, own[unit]);
		}
		const rows = [];

		for (let node = 0; node < trie.size; node++)
			if (own.Bytes[node] || own.Count[node]) {
				if (matcher && !trie.path(node).some(matcher))
					continue;
				rows.push({ node, frame: trie.frame[node] });
			}
		const inBytes = app.unit === 'bytes';
		const column = (id, title, values, unit, more) => ({
			id,
			title,
			show: (v) => quantity(v, unit),
			value: (r) => values[r.node],
			exact: (v) => exact(v, unit),
			...more
		});

		this.table.columns = [
			{
				id: 'stack',
				title: 'Stack',
				text: (r) => this.stack(trie, r.node),
				value: (r) => trie.path(r.node)
						      .map((f) => app.nameOf(f, 'line'))
						      .join(';')
			},
			column(inBytes ? 'own' : 'ownbytes', 'Own', own.Bytes, 'bytes',
				{ sum: true, bar: inBytes }),
			column(inBytes ? 'ownblocks' : 'own', 'Blocks', own.Count, 'blocks',
				{ sum: true, bar: !inBytes }),
			column('total', 'With callees', total.Bytes, 'bytes'),
			column('totalblocks', 'Blocks', total.Count, 'blocks'),
		];
		this.table.show(rows);
	}

	stack(trie, node) {
		const path = trie.path(node).reverse();

		if (!node)
			return '[no frame shown]';
		// the frames are listed once somebody asks
		const list = el('ol'), more = path.length - 2;
		const open = () => list.childElementCount || list.append(...path.slice(0, 400)
			.map((f) => el('li', {}, nameCell(this.data, 'line', f))));
		const callers = path.length > 1 ? ` \u2190 ${frameName(this.data, path[1])}${
			more > 0 ? ` \u2190 ${number(more)} more` : ''}` : '';

		return el('details.stack', { ontoggle: open },
			el('summary', {}, nameCell(this.data, 'stack', path[0]),
				el('span.muted', {}, callers)),
			list);
	}
}
