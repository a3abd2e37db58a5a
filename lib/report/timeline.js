'use strict';
// timeline.js - memory over time, and the window that everything else shows.
// Invariant: a window is of whole buckets, at least one.

class Timeline {
	constructor(app, root) {
		this.app = app;
		this.root = root;
		this.chart = el('div.chart');
		this.readout = el('p.readout');
		this.drawn = new Chart();
		this.shadeLeft = el('div.shade');
		this.shadeRight = el('div.shade');
		this.cursor = el('div.cursor');
		this.grip = this.slider(
			'grip', 'Window, all of it', (step) => this.move(step, step));
		this.start = this.slider(
			'handle.start', 'Window, its start', (step) => this.move(step, 0));
		this.end = this.slider(
			'handle.end', 'Window, its end', (step) => this.move(0, step));
		this.chart.append(this.drawn.drawing, this.shadeLeft, this.shadeRight,
			this.cursor, this.grip, this.start, this.end);
		this.legend = el('ul.legend');
		this.values =
			el('details.values', {}, el('summary', {}, 'These values as a table'));
		this.values.addEventListener('toggle', () => this.table());
		root.append(this.legend, this.readout, this.chart, this.values);
		this.pointers();
		new ResizeObserver(() => this.draw()).observe(this.chart);
	}

	get run() {
		return this.app.run;
	}

	slider(classes, label, move) {
		const e = el(
			`div.${classes}`, { role: 'slider', tabindex: 0, 'aria-label': label });

		e.addEventListener('keydown', (event) => {
			const far = event.shiftKey ? 10 : 1, n = this.run.n;
			const step = {
				ArrowLeft: -far,
				ArrowDown: -far,
				ArrowRight: far,
				ArrowUp: far,
				PageDown: -10,
				PageUp: 10,
				Home: -n,
				End: n
			}[event.key];

			if (event.key === 'Escape')
				this.app.setWindow(0, n);
			else if (step)
				move(step);
			else
				return;
			event.preventDefault();
			this.read(e === this.end ? this.app.window[1] - 1 : this.app.window[0]);
		});
		e.addEventListener('focus',
			() => this.read(
				e === this.end ? this.app.window[1] - 1 : this.app.window[0]));
		return e;
	}

	// Move the edges; together they keep their distance.
	move(start, end) {
		const [a, b] = this.app.window, n = this.run.n;
		const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

		if (start && end) {
			const by = clamp(start, -a, n - b);

			this.app.setWindow(a + by, b + by);
		} else if (start) {
			this.app.setWindow(clamp(a + start, 0, b - 1), b);
		} else {
			this.app.setWindow(a, clamp(b + end, a + 1, n));
		}
	}

	// ---- pointers ---------------------------------------------------------------

	bucketAt(event) {
		const box = this.chart.getBoundingClientRect();
		const x = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);

		return Math.max(0, Math.min(this.run.n - 1, Math.floor(x * this.run.n)));
	}

	pointers() {
		let drag = null;

		this.chart.addEventListener('pointerdown', (event) => {
			if (event.button || !this.run.n)
				return;
			const at = this.bucketAt(event), [a, b] = this.app.window;

			drag = {
				from: at,
				x: event.clientX,
				a,
				b,
				what: event.target,
				moved: false
			};
			this.chart.setPointerCapture(event.pointerId);
		});
		this.chart.addEventListener('pointermove', (event) => {
			const at = this.bucketAt(event);

			this.read(at);
			if (!drag || (Math.abs(event.clientX - drag.x) < 3 && !drag.moved))
				return;
			drag.moved = true;
			if (drag.what === this.start)
				this.app.setWindow(Math.min(at, drag.b - 1), drag.b);
			else if (drag.what === this.end)
				this.app.setWindow(drag.a, Math.max(at + 1, drag.a + 1));
			else if (drag.what === this.grip)
				this.shift(drag, at - drag.from);
			else
				this.app.setWindow(
					Math.min(at, drag.from), Math.max(at, drag.from) + 1);
		});
		const done = () => drag = null;

		this.chart.addEventListener('pointerup', done);
		this.chart.addEventListener('pointercancel', done);
		this.chart.addEventListener('pointerleave', () => this.read(-1));
		this.chart.addEventListener(
			'dblclick', () => this.app.setWindow(0, this.run.n));
	}

	shift(drag, by) {
		by = Math.max(-drag.a, Math.min(this.run.n - drag.b, by));
		this.app.setWindow(drag.a + by, drag.b + by);
	}

	// ---- what is under the cursor ---------------------------------------------------

	span(a, b) {
		const run = this.run;

		return `${time(edge(run, a), run.width)} \u2013 ${
			time(edge(run, b), run.width)}`;
	}

	read(at) {
		const run = this.run, box = this.chart.clientWidth - LEFT - RIGHT;

		this.cursor.hidden = at < 0;
		if (at < 0 || at >= run.n) {
			this.readout.textContent =
				'Drag over the graph, or move the edges with the arrow keys, '
				+ 'to choose a window of time; Escape or a double click shows '
				+ 'the whole run.';
			return;
		}
		this.cursor.style.left = `${LEFT + at / run.n * box}px`;
		this.cursor.style.width = `${Math.max(1, box / run.n)}px`;
		const b = run.bucket, words = [
			this.span(at, at + 1),
			`heap at most ${bytes(b.max_bytes[at])} in ${
				count(b.max_blocks[at])} blocks`
		];

		for (const line of this.lines())
			if (line.values[at] >= 0)
				words.push(`${line.label} ${line.show(line.values[at])}`);
		words.push(`${count(b.allocs[at])} allocations of ${bytes(b.alloc_bytes[at])}`);
		const marks = run.marks.filter((m) => this.bucketOf(m.time) === at)
				      .map((m) => plain(m.name));

		if (marks.length)
			words.push(`marks: ${[...new Set(marks)].slice(0, 4).join(', ')}`);
		this.readout.textContent = words.join(' \u00b7 ');
	}

	bucketOf(ns) {
		return Math.max(0,
			Math.min(this.run.n - 1,
				Math.floor((ns - this.run.from) / this.run.width)));
	}

	// Lines beside heap and blocks: RSS, and CPU where there are samples.
	lines() {
		const run = this.run, rss = run.series.find((s) => s.name === 'rss'), out = [];

		if (rss)
			out.push({ id: 'rss', label: 'RSS', values: rss.max, show: bytes });
		if (run.bucket.samples.some((v) => v))
			out.push({ id: 'cpu', label: 'CPU', values: run.bucket.cpu.map((v, i) =>
				100 * v / Math.max(1, edge(run, i + 1) - edge(run, i))),
			show: (v) => `${v.toFixed(0)}\u202f%` });
		return out;
	}

	// ---- drawing ----------------------------------------------------------------

	draw() {
		const width = this.root.clientWidth && this.chart.clientWidth;

		if (!width)
			return;
		const lines = this.lines();

		this.bottom = this.drawn.draw(this.run, lines, width);
		this.chart.style.height = `${this.bottom + GAP + 4}px`;
		this.showLegend(lines.map((l) => l.id));
		this.place();
		this.read(-1);
	}

	showLegend(lines) {
		const item = (id, text) => el('li', {}, el(`span.swatch.${id}`), text);
		const { marks, more_marks: more } = this.run;

		this.legend.replaceChildren(item('heap', 'live heap, highest of each step'),
			lines.includes('rss') ? item('rss', 'RSS') : '',
			item('blocks', 'live blocks (objects)'),
			lines.includes('cpu') ? item('cpu', 'CPU') : '',
			marks.length ? item('marks',
					       more ? `marks (${number(more)} more not shown)`
						    : 'marks')
						    : '');
	}

	// The window over the drawing.
	place() {
		const { run } = this, [a, b] = this.app.window, { width } = this.drawn;
		const x0 = this.drawn.x(a), x1 = this.drawn.x(b);
		const put = (e, left, w) => {
			e.style.left = `${left}px`;
			e.style.width = `${Math.max(0, w)}px`;
			e.style.height = `${this.bottom - 12}px`;
		};

		put(this.shadeLeft, LEFT, x0 - LEFT);
		put(this.shadeRight, x1, width - RIGHT - x1);
		put(this.start, x0 - 6, 12);
		put(this.end, x1 - 6, 12);
		this.cursor.style.height = `${this.bottom - 12}px`;
		this.grip.style.left = `${x0}px`;
		this.grip.style.width = `${Math.max(8, x1 - x0)}px`;
		this.grip.classList.toggle('whole', a === 0 && b >= run.n);
		this.value(this.start, 0, b - 1, a, `from ${time(edge(run, a), run.width)}`);
		this.value(this.end, a + 1, run.n, b, `to ${time(edge(run, b), run.width)}`);
		this.value(this.grip, 0, run.n - (b - a), a, this.span(a, b));
	}

	value(e, min, max, now, text) {
		e.setAttribute('aria-valuemin', min);
		e.setAttribute('aria-valuemax', max);
		e.setAttribute('aria-valuenow', now);
		e.setAttribute('aria-valuetext', text);
	}

	// ---- the same as a table ----------------------------------------------------------

	rows() {
		const run = this.run, b = run.bucket, lines = this.lines();
		const out = [[
			'from_ns', 'to_ns', 'max_bytes', 'max_blocks', 'end_bytes',
			'end_blocks', 'allocations', 'allocated_bytes', 'frees', 'freed_bytes',
			...lines.map((l) => l.id)
		]];

		for (let i = 0; i < run.n; i++)
			out.push([
				edge(run, i), edge(run, i + 1), b.max_bytes[i], b.max_blocks[i],
				b.end_bytes[i], b.end_blocks[i], b.allocs[i], b.alloc_bytes[i],
				b.frees[i], b.free_bytes[i],
				...lines.map((l) => l.values[i] < 0 ? '' : l.values[i])
			]);
		return out;
	}

	table() {
		if (!this.values.open)
			return;
		const [head, ...rows] = this.rows();

		this.values.querySelector('.scroll')?.remove();
		this.values.append(el('div.scroll',
			{ tabindex: 0, role: 'region', 'aria-label': 'Values of the timeline' },
			el('button', {
				type: 'button',
				onclick: () => download('timeline.csv', csv(this.rows()))
			},
				'Save as CSV'),
			el('table', {},
				el('thead', {},
					el('tr', {},
						...head.map(
							(h) => el('th', { scope: 'col' }, h)))),
				el('tbody', {},
					...rows.map((r) => el('tr', {},
							    ...r.map((v) => el('td.num', {},
									     String(v)))))))));
	}
}
