'use strict';
// timeline.js - memory over time, and the window that everything else shows.
// Invariant: a window is of whole buckets, at least one.

const LEFT = 76, RIGHT = 12, GAP = 22;

// Steps of an axis: powers of two for bytes, 1, 2, 5 for the rest.
function axis(max, isBytes, many) {
	if (!(max > 0))
		return { max: 1, ticks: [0] };
	let step = isBytes ? 2 ** Math.ceil(Math.log2(max / many)) : 10 ** Math.floor(Math.log10(max / many));

	for (let i = 0; !isBytes && max / step > many; i++)
		step *= i % 3 === 1 ? 2.5 : 2;
	step = Math.max(step, 1);
	const ticks = [];

	for (let v = 0; v <= max; v += step)
		ticks.push(v);
	return { max: Math.max(max * 1.06, ticks[ticks.length - 1]), ticks };
}

function timeTicks(from, to, room) {
	const steps = [1, 2, 5];
	let step = 1;

	for (let i = 0; (to - from) / step > Math.max(2, room / 110); i++)
		step = step < 6e10 ? steps[i % 3] * 10 ** Math.floor(i / 3)
			: step * (Math.round(step / 6e10) % 3 ? 2 : 5);
	const ticks = [];

	for (let t = Math.ceil(from / step) * step; t <= to; t += step)
		ticks.push(t);
	return { step, ticks };
}

class Timeline {
	constructor(app, root) {
		this.app = app;
		this.root = root;
		this.chart = el('div.chart');
		this.readout = el('p.readout');
		this.drawing = svg('svg', { role: 'img' });
		this.shadeLeft = el('div.shade');
		this.shadeRight = el('div.shade');
		this.cursor = el('div.cursor');
		this.grip = this.slider('grip', 'Window, all of it', (step) => this.move(step, step));
		this.start = this.slider('handle.start', 'Window, its start', (step) => this.move(step, 0));
		this.end = this.slider('handle.end', 'Window, its end', (step) => this.move(0, step));
		this.chart.append(this.drawing, this.shadeLeft, this.shadeRight, this.cursor, this.grip,
			this.start, this.end);
		this.legend = el('ul.legend');
		this.values = el('details.values', {}, el('summary', {}, 'These values as a table'));
		this.values.addEventListener('toggle', () => this.table());
		root.append(this.legend, this.readout, this.chart, this.values);
		this.pointers();
		new ResizeObserver(() => this.draw()).observe(this.chart);
	}

	get run() {
		return this.app.run;
	}

	slider(classes, label, move) {
		const e = el(`div.${classes}`, { role: 'slider', tabindex: 0, 'aria-label': label });

		e.addEventListener('keydown', (event) => {
			const far = event.shiftKey ? 10 : 1, n = this.run.n;
			const step = { ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far,
				PageDown: -10, PageUp: 10, Home: -n, End: n }[event.key];

			if (event.key === 'Escape')
				this.app.setWindow(0, n);
			else if (step)
				move(step);
			else
				return;
			event.preventDefault();
			this.read(e === this.end ? this.app.window[1] - 1 : this.app.window[0]);
		});
		e.addEventListener('focus', () =>
			this.read(e === this.end ? this.app.window[1] - 1 : this.app.window[0]));
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

			drag = { from: at, x: event.clientX, a, b, what: event.target, moved: false };
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
				this.app.setWindow(Math.min(at, drag.from), Math.max(at, drag.from) + 1);
		});
		const done = () => drag = null;

		this.chart.addEventListener('pointerup', done);
		this.chart.addEventListener('pointercancel', done);
		this.chart.addEventListener('pointerleave', () => this.read(-1));
		this.chart.addEventListener('dblclick', () => this.app.setWindow(0, this.run.n));
	}

	shift(drag, by) {
		by = Math.max(-drag.a, Math.min(this.run.n - drag.b, by));
		this.app.setWindow(drag.a + by, drag.b + by);
	}

	// ---- what is under the cursor ---------------------------------------------------

	span(a, b) {
		const run = this.run;

		return `${time(edge(run, a), run.width)} \u2013 ${time(edge(run, b), run.width)}`;
	}

	read(at) {
		const run = this.run, box = this.chart.clientWidth - LEFT - RIGHT;

		this.cursor.hidden = at < 0;
		if (at < 0 || at >= run.n) {
			this.readout.textContent = 'Drag over the graph, or move the edges with the arrow keys, '
				+ 'to choose a window of time; Escape or a double click shows the whole run.';
			return;
		}
		this.cursor.style.left = `${LEFT + at / run.n * box}px`;
		this.cursor.style.width = `${Math.max(1, box / run.n)}px`;
		const b = run.bucket, words = [this.span(at, at + 1),
			`heap at most ${bytes(b.max_bytes[at])} in ${count(b.max_blocks[at])} blocks`];

		for (const line of this.lines())
			if (line.values[at] >= 0)
				words.push(`${line.label} ${line.show(line.values[at])}`);
		words.push(`${count(b.allocs[at])} allocations of ${bytes(b.alloc_bytes[at])}`);
		const marks = run.marks.filter((m) => this.bucketOf(m.time) === at).map((m) => plain(m.name));

		if (marks.length)
			words.push(`marks: ${[...new Set(marks)].slice(0, 4).join(', ')}`);
		this.readout.textContent = words.join(' \u00b7 ');
	}

	bucketOf(ns) {
		return Math.max(0, Math.min(this.run.n - 1, Math.floor((ns - this.run.from) / this.run.width)));
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

	// ---- drawing --------------------------------------------------------------------

	draw() {
		const run = this.run, width = this.chart.clientWidth;

		if (!width)
			return;
		const lines = this.lines(), rss = lines.find((l) => l.id === 'rss');
		const cpu = lines.find((l) => l.id === 'cpu'), b = run.bucket;
		const panels = [{ title: 'bytes', height: 190, isBytes: true, show: bytes, parts: [
			{ id: 'heap', values: b.max_bytes, area: true }].concat(rss ? [rss] : []) },
		{ title: 'blocks', height: 70, show: brief, parts: [{ id: 'blocks', values: b.max_blocks,
			area: true }] }];

		if (cpu)
			panels.push({ title: 'CPU', height: 44, show: cpu.show, parts: [{ ...cpu, area: true }] });
		this.drawing.replaceChildren();
		let top = 16;

		for (const panel of panels) {
			this.panel(panel, top, width);
			top += panel.height + GAP;
		}
		this.foot(top - GAP, width);
		this.drawing.setAttribute('width', width);
		this.drawing.setAttribute('height', top + 4);
		this.drawing.setAttribute('aria-label', `Live heap over time, ${run.n} steps of `
			+ `${time(run.width, run.width)}; the highest is ${bytes(Math.max(0, ...b.max_bytes))}`);
		this.chart.style.height = `${top + 4}px`;
		this.bottom = top - GAP;
		this.showLegend(rss, cpu);
		this.place();
		this.read(-1);
	}

	x(i, width) {
		return LEFT + i / Math.max(1, this.run.n) * (width - LEFT - RIGHT);
	}

	panel(panel, top, width) {
		const scale = axis(Math.max(0, ...panel.parts.flatMap((p) => p.values)), panel.isBytes,
			Math.max(2, Math.round(panel.height / 36)));
		const y = (v) => top + panel.height * (1 - v / scale.max);

		for (const tick of scale.ticks)
			this.drawing.append(svg('line', { class: 'grid', x1: LEFT, x2: width - RIGHT,
				y1: y(tick), y2: y(tick) }), svg('text', { class: 'tick', x: LEFT - 8, y: y(tick) + 4,
				'text-anchor': 'end' }, panel.show(tick)));
		for (const part of panel.parts)
			this.drawing.append(svg('path', { class: `line ${part.id}${part.area ? ' area' : ''}`,
				d: this.path(part, y, top + panel.height, width) }));
		if (panel.title !== 'bytes')
			this.drawing.append(svg('text', { class: 'panel', x: LEFT, y: top - 6 }, panel.title));
	}

	// Steps: a bucket's value holds for the whole of it, and until the next that was read.
	path(part, y, floor, width) {
		let d = '', open = false;

		part.values.forEach((v, i) => {
			const x0 = this.x(i, width).toFixed(1), x1 = this.x(i + 1, width).toFixed(1);

			if (v < 0) {
				d += open ? `H${x1}` : '';
				return;
			}
			d += open ? `V${y(v).toFixed(1)}` : part.area ? `M${x0} ${floor}V${y(v).toFixed(1)}`
				: `M${x0} ${y(v).toFixed(1)}`;
			d += `H${x1}`;
			open = true;
		});
		return open && part.area ? `${d}V${floor}Z` : d;
	}

	foot(bottom, width) {
		const run = this.run, span = Math.max(1, edge(run, run.n) - run.from);
		const last = run.from + run.n * run.width, room = width - LEFT - RIGHT;
		const at = (ns) => LEFT + (ns - run.from) / Math.max(1, last - run.from) * room;
		const { step, ticks } = timeTicks(run.from, run.from + span, room);

		for (const t of ticks)
			this.drawing.append(svg('text', { class: 'tick', x: at(t), y: bottom + 16,
				'text-anchor': 'middle' }, time(t, step)));
		let free = 0;

		for (const mark of run.marks) {
			const x = at(mark.time), name = plain(mark.name);

			this.drawing.append(svg('line', { class: 'mark', x1: x, x2: x, y1: 12, y2: bottom },
				svg('title', {}, `${name} ${time(mark.time, run.width)}`)));
			if (x < free || x > width - 60)
				continue;
			const label = name.length > 18 ? `${name.slice(0, 17)}\u2026` : name;

			this.drawing.append(svg('text', { class: 'marked', x: x + 3, y: 11 }, label));
			free = x + 16 + 6 * label.length;
		}
	}

	showLegend(rss, cpu) {
		const item = (id, text) => el('li', {}, el(`span.swatch.${id}`), text);

		this.legend.replaceChildren(item('heap', 'live heap, highest of each step'));
		if (rss)
			this.legend.append(item('rss', 'RSS'));
		this.legend.append(item('blocks', 'live blocks (objects)'));
		if (cpu)
			this.legend.append(item('cpu', 'CPU'));
		if (this.run.marks.length)
			this.legend.append(item('marks', this.run.more_marks ? `marks (${
				number(this.run.more_marks)} more not shown)` : 'marks'));
	}

	// The window over the drawing.
	place() {
		const run = this.run, [a, b] = this.app.window, width = this.chart.clientWidth;
		const x0 = this.x(a, width), x1 = this.x(b, width), whole = a === 0 && b >= run.n;
		const put = (e, left, w) => {
			e.style.left = `${left}px`;
			e.style.width = `${Math.max(0, w)}px`;
			e.style.height = `${this.bottom - 12}px`;
		};

		put(this.shadeLeft, LEFT, x0 - LEFT);
		put(this.shadeRight, x1, width - RIGHT - x1);
		put(this.start, x0 - 6, 12);
		put(this.end, x1 - 6, 12);
		put(this.cursor, parseFloat(this.cursor.style.left) || 0, parseFloat(this.cursor.style.width) || 0);
		this.grip.style.left = `${x0}px`;
		this.grip.style.width = `${Math.max(8, x1 - x0)}px`;
		this.grip.classList.toggle('whole', whole);
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
		const out = [['from_ns', 'to_ns', 'max_bytes', 'max_blocks', 'end_bytes', 'end_blocks',
			'allocations', 'allocated_bytes', 'frees', 'freed_bytes', ...lines.map((l) => l.id)]];

		for (let i = 0; i < run.n; i++)
			out.push([edge(run, i), edge(run, i + 1), b.max_bytes[i], b.max_blocks[i],
				b.end_bytes[i], b.end_blocks[i], b.allocs[i], b.alloc_bytes[i], b.frees[i],
				b.free_bytes[i], ...lines.map((l) => l.values[i] < 0 ? '' : l.values[i])]);
		return out;
	}

	table() {
		if (!this.values.open)
			return;
		const [head, ...rows] = this.rows();

		this.values.querySelector('.scroll')?.remove();
		this.values.append(el('div.scroll', { tabindex: 0, role: 'region',
			'aria-label': 'Values of the timeline' },
		el('button', { type: 'button', onclick: () => download('timeline.csv', csv(this.rows())) },
			'Save as CSV'),
		el('table', {}, el('thead', {}, el('tr', {}, ...head.map((h) => el('th', { scope: 'col' }, h)))),
			el('tbody', {}, ...rows.map((r) => el('tr', {}, ...r.map((v) =>
				el('td.num', {}, String(v)))))))));
	}
}
