'use strict';
// main.js - the page: what is chosen, and the sections that show it.

class App {
	constructor(data) {
		this.data = data;
		this.at = data.diff ? 1 : 0;
		this.windows = data.runs.map((run) => [0, run.n]);
		this.what = 'peak';
		this.unit = 'bytes';
		this.frames = 'python';
		this.process = this.thread = this.module = this.search = '';
		this.hideImport = this.inverted = false;
		this.cache = new Map();
		this.restore();
	}

	get run() {
		return this.data.runs[this.at];
	}

	get window() {
		return this.windows[this.at];
	}

	// The name of a column of Values: peakBytes, leakedCount, …
	get measure() {
		return this.what + (this.unit === 'bytes' ? 'Bytes' : 'Count');
	}

	measureName() {
		return { peak: 'Live at the peak',
			leaked: 'Leaked',
			allocated: 'Allocated' }[this.what];
	}

	spanOf(i) {
		const run = this.data.runs[i], [a, b] = this.windows[i];

		return a === 0 && b === run.n ? 'the whole run'
					      : `${time(edge(run, a), run.width)} \u2013 ${
							time(edge(run, b), run.width)}`;
	}

	kept(key, make) {
		if (!this.cache.has(key))
			this.cache.set(key, make());
		return this.cache.get(key);
	}

	// ---- what is derived --------------------------------------------------------

	shown() {
		return this.kept(`shown ${this.frames} ${this.hideImport}`, () =>
			showStacks(this.data, this.frames, this.hideImport));
	}

	groups(by) {
		return this.kept(`groups ${by}`, () => groupFrames(this.data, by));
	}

	// The current run's rows of lines in the groups of a table.
	rowGroups(by) {
		const table = this.run.lines, leaf = table[this.frames];

		return this.kept(`rows ${this.at} ${by} ${this.frames}`,
			() => groupRows(table,
				by === 'thread' ? (row) => table.label[row]
					: by === 'type' || by === 'kind' || by === 'class'
					? (row) => table[by][row]
					: by === 'module' && this.frames === 'python'
					? (row) => table.module[row]
					: (row) => this.groups(by).of[leaf[row]]));
	}

	nameOf(frame, by) {
		const f = this.data.frames, place = framePlace(this.data, frame);

		if (f.flags[frame] & NOTE)
			return frameName(this.data, frame);
		if (by === 'module')
			return plain(
				this.data.strings[f.flags[frame] & NATIVE ? f.module[frame]
									  : f.file[frame]]);
		return `${frameName(this.data, frame)}${place ? ` (${by === 'function'
			? place.replace(/:\d+$/, '') : place})` : ''}`;
	}

	// Labels the filters choose, null for all.
	labels() {
		const { process, thread, run } = this, out = new Set();

		if (!process && !thread)
			return null;
		run.labels.forEach((label, i) => {
			if ((!process || this.processKey(label[0]) === process) &&
				(!thread || String(i) === thread))
				out.add(i);
		});
		return out;
	}

	processKey(p) {
		const process = this.run.processes[p];

		return process ? `${process[0]} ${process[1]}` : 'none';
	}

	modules() {
		return this.module ? new Set([Number(this.module)]) : null;
	}

	filtered() {
		return !!(this.process || this.thread || this.module);
	}

	compute() {
		const { run } = this, [a, b] = this.window, labels = this.labels(),
			    modules = this.modules();

		this.values = {
			stacks: valuesOf(run, run.stacks, a, b),
			lines: valuesOf(run, run.lines, a, b)
		};
		this.allowed = {
			stacks: mask(run.stacks, labels, modules),
			lines: mask(run.lines, labels, modules)
		};
		this.figures = windowFigures(run, a, b);
	}

	// Values of a measure added up over what the filters let through.
	sum(name) {
		const v = this.values.lines[name], ok = this.allowed.lines;
		let out = 0;

		for (let i = 1; i < v.length; i++)
			out += ok[i] ? v[i] : 0;
		return out;
	}

	// ---- changes ----------------------------------------------------------------

	setWindow(a, b) {
		const [c, d] = this.window;

		if (a === c && b === d)
			return;
		this.windows[this.at] = [a, b];
		this.changed();
	}

	set(name, value) {
		this[name] = value;
		this.changed();
	}

	setRun(at) {
		this.at = at;
		this.process = this.thread = this.module = '';
		this.page.build();
		this.changed();
	}

	// Once a frame, however often something changes.
	changed() {
		if (this.pending)
			return;
		this.pending = true;
		requestAnimationFrame(() => {
			this.pending = false;
			this.update();
		});
	}

	update() {
		this.compute();
		this.page.update();
		this.remember();
	}

	// ---- the address remembers --------------------------------------------------

	remember() {
		const [a, b] = this.window, words = [];

		if (this.at !== (this.data.diff ? 1 : 0))
			words.push(`run=${this.at + 1}`);
		if (a > 0 || b < this.run.n)
			words.push(`window=${a}-${b}`);
		if (this.what !== 'peak')
			words.push(`show=${this.what}`);
		if (this.unit !== 'bytes')
			words.push(`unit=${this.unit}`);
		const hash = words.length ? `#${words.join('&')}` : '';

		if (location.hash !== hash && !/^#[a-z]+$/.test(location.hash))
			history.replaceState(
				null, '', hash || location.pathname + location.search);
	}

	restore() {
		const words = new URLSearchParams(location.hash.slice(1)),
		      run = Number(words.get('run'));

		if (run >= 1 && run <= this.data.runs.length)
			this.at = run - 1;
		const m = /^(\d+)-(\d+)$/.exec(words.get('window') || '');

		if (m && Number(m[1]) < Number(m[2]) && Number(m[2]) <= this.run.n)
			this.windows[this.at] = [Number(m[1]), Number(m[2])];
		if (MEASURES.includes(words.get('show')))
			this.what = words.get('show');
		if (words.get('unit') === 'blocks')
			this.unit = 'blocks';
	}
}

let app;

async function main() {
	const status = document.getElementById('status');

	try {
		const data = decode(
			await inflate(bytesOf(document.getElementById('data').textContent)));

		app = new App(data);
		app.page = new Page(app);
		app.page.build();
		app.update();
		addEventListener('beforeprint', () => app.page.print(true));
		addEventListener('afterprint', () => app.page.print(false));
		status.remove();
		document.body.classList.add('ready');
	} catch (error) {
		status.textContent = typeof DecompressionStream === 'undefined'
			? 'This report needs a browser of 2023 or later.'
			: `This report cannot be shown: ${error.message}`;
		throw error;
	}
}

main();
