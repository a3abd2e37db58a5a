'use strict';
// chart.js - the timeline's drawing: panels above each other over one axis of time.
// Invariant: a line is drawn in steps, as a bucket's value holds for all of it.

const LEFT = 76, RIGHT = 12, GAP = 22;

// Steps of an axis: powers of two for bytes, 1, 2, 5 for the rest.
function axis(max, isBytes, many) {
	if (!(max > 0))
		return { max: 1, ticks: [0] };
	let step = isBytes ? 2 ** Math.ceil(Math.log2(max / many))
			   : 10 ** Math.floor(Math.log10(max / many));

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

class Chart {
	constructor() {
		this.drawing = svg('svg', { role: 'img' });
	}

	// Draw RUN, WIDTH pixels wide; returns where its foot is.
	draw(run, lines, width) {
		let top = 16;

		this.run = run;
		this.width = width;
		this.drawing.replaceChildren();
		for (const panel of this.panels(lines)) {
			this.panel(panel, top);
			top += panel.height + GAP;
		}
		this.ticks(top - GAP);
		this.marks(top - GAP);
		this.drawing.setAttribute('width', width);
		this.drawing.setAttribute('height', top + 4);
		this.drawing.setAttribute('aria-label', this.words());
		return top - GAP;
	}

	words() {
		const { run } = this, highest = Math.max(0, ...run.bucket.max_bytes);

		return `Live heap over time, ${run.n} steps of ${time(run.width, run.width)}; `
			+ `the highest is ${bytes(highest)}`;
	}

	panels(lines) {
		const { bucket } = this.run, rss = lines.filter((l) => l.id === 'rss');
		const cpu = lines.find((l) => l.id === 'cpu');
		const heap = { id: 'heap', values: bucket.max_bytes, area: true };
		const blocks = { id: 'blocks', values: bucket.max_blocks, area: true };
		const out = [
			{ height: 190, isBytes: true, show: bytes, parts: [heap, ...rss] },
			{ title: 'blocks', height: 70, show: brief, parts: [blocks] },
		];

		if (cpu)
			out.push({ title: 'CPU', height: 44, show: cpu.show,
				parts: [{ ...cpu, area: true }] });
		return out;
	}

	x(i) {
		return LEFT + i / Math.max(1, this.run.n) * (this.width - LEFT - RIGHT);
	}

	line(kind, x1, y1, x2, y2, ...children) {
		this.drawing.append(svg('line', { class: kind, x1, y1, x2, y2 }, ...children));
	}

	text(kind, x, y, anchor, text) {
		this.drawing.append(
			svg('text', { class: kind, x, y, 'text-anchor': anchor }, text));
	}

	panel(panel, top) {
		const max = Math.max(0, ...panel.parts.flatMap((p) => p.values));
		const many = Math.max(2, Math.round(panel.height / 36));
		const scale = axis(max, panel.isBytes, many);
		const y = (v) => top + panel.height * (1 - v / scale.max);

		for (const tick of scale.ticks) {
			this.line('grid', LEFT, y(tick), this.width - RIGHT, y(tick));
			this.text('tick', LEFT - 8, y(tick) + 4, 'end', panel.show(tick));
		}
		for (const part of panel.parts)
			this.drawing.append(svg('path', {
				class: `line ${part.id}${part.area ? ' area' : ''}`,
				d: this.path(part, y, top + panel.height),
			}));
		if (panel.title)
			this.text('panel', LEFT + 7, top - 6, 'start', panel.title);
	}

	// A value holds until the next that was read.
	path(part, y, floor) {
		let d = '', open = false;

		part.values.forEach((v, i) => {
			const from = this.x(i).toFixed(1), to = this.x(i + 1).toFixed(1);

			if (v < 0) {
				d += open ? `H${to}` : '';
				return;
			}
			if (!open)
				d += part.area ? `M${from} ${floor}V${y(v).toFixed(1)}`
					: `M${from} ${y(v).toFixed(1)}`;
			else
				d += `V${y(v).toFixed(1)}`;
			d += `H${to}`;
			open = true;
		});
		return open && part.area ? `${d}V${floor}Z` : d;
	}

	// Pixels of a time; buckets reach a little behind the end.
	at(ns) {
		const { run } = this, span = Math.max(1, run.n * run.width);

		return LEFT + (ns - run.from) / span * (this.width - LEFT - RIGHT);
	}

	ticks(bottom) {
		const { run } = this, end = Math.max(run.from + 1, edge(run, run.n));
		const { step, ticks } = timeTicks(run.from, end, this.width - LEFT - RIGHT);

		for (const t of ticks)
			this.text('tick', this.at(t), bottom + 16, 'middle', time(t, step));
	}

	// A line each; names where there is room for them.
	marks(bottom) {
		let free = 0;

		for (const mark of this.run.marks) {
			const x = this.at(mark.time), name = plain(mark.name);
			const label = name.length > 18 ? `${name.slice(0, 17)}\u2026` : name;

			this.line('mark', x, 12, x, bottom,
				svg('title', {}, `${name} ${time(mark.time, this.run.width)}`));
			if (x < free || x > this.width - 60)
				continue;
			this.text('marked', x + 3, 11, 'start', label);
			free = x + 16 + 6 * label.length;
		}
	}
}
