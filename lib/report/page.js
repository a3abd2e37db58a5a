'use strict';
// page.js - the sections of the page and the controls above them.

const $ = (id) => document.getElementById(id);

const SHOWN_WHAT = [
	['peak', 'Peak', 'live at the highest moment of the window'],
	['leaked', 'Leaked', 'allocated in the window, not freed by its end'],
	['allocated', 'Allocated', 'allocated in the window, freed or not'],
];

const CHOICES = 1000;           // of a filter: many more make a page slow

class Page {
	constructor(app) {
		this.app = app;
		this.data = app.data;
	}

	// Everything that depends on the run, anew.
	build() {
		const { app, data } = this;

		new Head(app).build();
		this.theme();
		for (const id of ['timeline-body', 'stacks-body', 'objects-body', 'leaks-body',
			     'diff-body'])
			$(id).replaceChildren();
		this.timeline = new Timeline(app, $('timeline-body'));
		this.bar();
		this.stacks = new Stacks(app, $('stacks-body'));
		this.objects = new Objects(app, $('objects-body'));
		this.leaks = new Leaks(app, $('leaks-body'));
		$('diff').hidden = !data.diff;
		this.diff = data.diff ? new Diff(app, $('diff-body')) : null;
		this.timeline.draw();
	}

	// As the system has it, until the reader says otherwise.
	theme() {
		const root = document.documentElement,
		      system = matchMedia('(prefers-color-scheme: dark)');
		const dark = () =>
			root.dataset.theme ? root.dataset.theme === 'dark' : system.matches;
		const name = () => $('theme').textContent = dark() ? 'Light' : 'Dark';

		$('theme').onclick = () => {
			root.dataset.theme = dark() ? 'light' : 'dark';
			name();
		};
		system.onchange = name;
		name();
	}

	bar() {
		const { app } = this, { run } = app, set = (name) => (v) => app.set(name, v);
		const search = el('input', {
			type: 'search',
			value: app.search,
			placeholder: 'function, file, module',
			oninput: () => app.set('search', search.value),
		});
		const frames = [['python', 'Python'], ['outside', 'Python and native'],
			['all', 'All, with the interpreter']];
		const whole = () => app.setWindow(0, run.n);

		this.figures = el('p.figures', { 'aria-live': 'polite', id: 'figures' });
		this.reset = el('button', { type: 'button', onclick: whole }, 'Whole run');
		$('bar').replaceChildren(el('div.line', {}, this.figures, this.reset),
			el('div.controls', {},
				choice('What is shown', SHOWN_WHAT, app.what, set('what')),
				choice('Measured in',
					[['bytes', 'Bytes'], ['blocks', 'Blocks']], app.unit,
					set('unit')),
				this.filter('Process', 'All processes',
					this.largest(this.processes(),
						(l) => app.processKey(l[0])),
					'process'),
				this.filter('Thread', 'All threads',
					this.largest(this.threads(), (_, i) => String(i)),
					'thread'),
				this.filter('Module', 'All modules', this.modules(), 'module'),
				select('Frames', frames, app.frames, set('frames')),
				el('label.field', {}, el('span', {}, 'Search'), search)));
	}

	// What the filters choose from, as [value, text].
	processes() {
		const { app } = this, { run } = app;
		const keys = new Map(run.labels.map((l) => [app.processKey(l[0]), l[0]]));

		return [...keys].map(([key, p]) => {
			const process = run.processes[p];

			return [
				key,
				process ? `${plain(process[1]) || 'process'} (${process[0]})`
					: '[no process]'
			];
		});
	}

	threads() {
		const { run } = this.app, of = (p) =>
			run.processes.length > 1 && run.processes[p]
				? ` of ${run.processes[p][0]}` : '';

		return run.labels.map(([p, tid, name], i) => [String(i),
			tid ? `${plain(name) || 'thread'} (${tid})`
				: `${plain(name) || '[no name]'}${of(p)}`]);
	}

	// Of very many threads or processes those that allocated most; KEY(label, its number).
	largest(options, key) {
		const { run } = this.app, { label } = run.lines, sums = new Map();

		if (options.length <= CHOICES)
			return options;
		const keys = run.labels.map(key);

		valuesOf(run, run.lines, 0, run.n).allocatedBytes.forEach((v, row) =>
			row && sums.set(keys[label[row]], (sums.get(keys[label[row]]) || 0) + v));
		const size = ([value]) => sums.get(value) || 0;

		return [...options.sort((x, y) => size(y) - size(x)).slice(0, CHOICES),
			['', `(${number(options.length - CHOICES)} more allocated less)`, true]];
	}

	modules() {
		const { strings } = this.data,
				used = new Set(this.app.run.lines.module.subarray(1));
		const name = (m) => shortFile(plain(strings[m])) || '[none]';

		return [...used]
			.map((m) => [String(m), name(m)])
			.sort((x, y) => x[1] < y[1] ? -1 : 1);
	}

	// Paper has its own width, and room for what can be read alone.
	print(on) {
		const root = document.documentElement;

		if (on) {
			this.screen = root.dataset.theme || '';
			root.dataset.theme = 'light';
		} else {
			root.dataset.theme = this.screen;
		}
		this.timeline.chart.style.width = on ? '680px' : '';
		this.timeline.draw();
		for (const flame of [this.stacks.flame, this.diff && this.diff.flame])
			if (flame) {
				flame.least = on ? 4 : 0.6;
				flame.deepest = on ? 32 : DEEPEST;
				flame.draw();
			}
	}

	filter(label, all, options, name) {
		return options.length > 1
			? select(label, [['', all], ...options], this.app[name],
				  (v) => this.app.set(name, v))
			: '';
	}

	update() {
		const { app } = this, { run } = app, [a, b] = app.window;

		this.reset.hidden = a === 0 && b === run.n;
		this.figures.replaceChildren(...this.words());
		this.timeline.place();
		this.stacks.update(this.matcher());
		this.objects.update(this.matcher());
		this.leaks.update(this.matcher());
		if (this.diff)
			this.diff.update(this.matcher());
	}

	// The window in a sentence.
	words() {
		const { app } = this, f = app.figures, { run } = app, [a, b] = app.window;
		const whole = `Whole run, ${time(edge(run, run.n) - run.from, run.width)}`;
		const strong = (v) => el('strong', {}, bytes(v));
		const out = [
			el('span.window', {},
				a === 0 && b === run.n ? whole : app.spanOf(app.at)),
			' \u00b7 peak ', strong(f.peakBytes),
			` in ${count(f.peakCount)} blocks at ${time(f.peakTime, run.width)}`,
			' \u00b7 allocated ', strong(f.allocatedBytes),
			` in ${count(f.allocatedCount)}`, ' \u00b7 leaked ',
			strong(this.leaked())
		];

		if (app.filtered())
			out.push(` \u00b7 shown ${quantity(app.sum(app.measure), app.unit)}`);
		if (f.peakLostBytes)
			out.push(` \u00b7 ${
				bytes(f.peakLostBytes)} of the peak not known whose`);
		return out;
	}

	leaked() {
		const v = this.app.values.lines.leakedBytes, [a, b] = this.app.window,
		      { run } = this.app;

		return v.reduce((x, y) => x + y, 0) +
			(a === 0 && b === run.n ? run.live_lost[0] : 0);
	}

	// A predicate on frames, null without a search.
	matcher() {
		const { app, data } = this, text = app.search.trim().toLowerCase(),
				  f = data.frames;

		if (!text)
			return null;
		const hit = app.kept(`search ${text}`, () => {
			const has =
				data.strings.map((s) => s.toLowerCase().includes(text) ? 1 : 0);

			return f.func.map(
				(_, i) => has[f.func[i]] | has[f.file[i]] | has[f.module[i]]);
		});

		return (frame) => hit[frame] === 1;
	}
}
