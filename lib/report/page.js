'use strict';
// page.js - the sections of the page and the controls above them.

const $ = (id) => document.getElementById(id);

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
		for (const id of ['timeline-body', 'stacks-body', 'objects-body', 'leaks-body', 'diff-body'])
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
		const dark = () => (document.documentElement.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches
			? 'dark' : 'light')) === 'dark';
		const name = () => $('theme').textContent = dark() ? 'Light' : 'Dark';

		$('theme').onclick = () => {
			document.documentElement.dataset.theme = dark() ? 'light' : 'dark';
			name();
		};
		name();
	}

	bar() {
		const { app } = this, { run } = app;
		const names = new Map(run.labels.map((l) => [app.processKey(l[0]), l[0]]));
		const processes = [...names].map(([key, p]) => [key, p < 0 ? '[no process]'
			: `${plain(run.processes[p][1]) || 'process'} (${run.processes[p][0]})`]);
		const threads = run.labels.map((l, i) => [String(i), `${plain(l[2]) || (l[1] ? 'thread' : '[no thread]')}${
			l[1] ? ` (${l[1]})` : ''}`]);
		const modules = [...new Set(run.lines.module)].filter((m, i) => i > 0 || m).map((m) =>
			[String(m), shortFile(plain(this.data.strings[m])) || '[none]']).sort((x, y) => x[1] < y[1] ? -1 : 1);
		const set = (name) => (v) => app.set(name, v);

		this.figures = el('p.figures', { 'aria-live': 'polite', id: 'figures' });
		this.reset = el('button', { type: 'button', onclick: () => app.setWindow(0, run.n) }, 'Whole run');
		this.found = el('span.found', { role: 'status' });
		const search = el('input', { type: 'search', value: app.search, placeholder: 'function, file, module',
			oninput: () => app.set('search', search.value) });

		$('bar').replaceChildren(el('div.line', {}, this.figures, this.reset), el('div.controls', {},
			choice('What is shown', [['peak', 'Peak', 'live at the highest moment of the window'],
				['leaked', 'Leaked', 'allocated in the window, not freed by its end'],
				['allocated', 'Allocated', 'allocated in the window, freed or not']], app.what, set('what')),
			choice('Measured in', [['bytes', 'Bytes'], ['blocks', 'Blocks']], app.unit, set('unit')),
			this.filter('Process', 'All processes', processes, 'process'),
			this.filter('Thread', 'All threads', threads, 'thread'),
			this.filter('Module', 'All modules', modules, 'module'),
			select('Frames', [['python', 'Python'], ['outside', 'Python and native'], ['all', 'All, with the interpreter']],
				app.frames, set('frames')),
			el('label.field', {}, el('span', {}, 'Search'), search), this.found));
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
				flame.draw();
			}
	}

	filter(label, all, options, name) {
		return options.length > 1 ? select(label, [['', all], ...options], this.app[name],
			(v) => this.app.set(name, v)) : '';
	}

	update() {
		const { app } = this, f = app.figures, { run } = app, [a, b] = app.window;
		const whole = a === 0 && b === run.n, strong = (t) => el('strong', {}, t);

		this.reset.hidden = whole;
		this.figures.replaceChildren(el('span.window', {}, whole ? `Whole run, ${time(edge(run, run.n) - run.from, run.width)}`
			: app.spanOf(app.at)), ' \u00b7 peak ', strong(bytes(f.peakBytes)), ` in ${count(f.peakCount)} blocks at ${
			time(f.peakTime, run.width)} \u00b7 allocated `, strong(bytes(f.allocatedBytes)), ` in ${
			count(f.allocatedCount)} \u00b7 leaked `, strong(bytes(this.leaked())), app.filtered() ? ` \u00b7 shown ${quantity(app.sum(app.measure), app.unit)}` : '',
		f.peakLostBytes ? ` \u00b7 ${bytes(f.peakLostBytes)} of the peak not known whose` : '');
		this.timeline.place();
		this.stacks.update(this.matcher());
		this.objects.update(this.matcher());
		this.leaks.update(this.matcher());
		if (this.diff)
			this.diff.update();
	}

	leaked() {
		const v = this.app.values.lines.leakedBytes, [a, b] = this.app.window, { run } = this.app;

		return v.reduce((x, y) => x + y, 0) + (a === 0 && b === run.n ? run.live_lost[0] : 0);
	}

	// A predicate on frames, null without a search.
	matcher() {
		const { app, data } = this, text = app.search.trim().toLowerCase(), f = data.frames;

		if (!text)
			return null;
		const hit = app.kept(`search ${text}`, () => {
			const has = data.strings.map((s) => s.toLowerCase().includes(text) ? 1 : 0);

			return f.func.map((_, i) => has[f.func[i]] | has[f.file[i]] | has[f.module[i]]);
		});

		return (frame) => hit[frame] === 1;
	}
}

// A command without the folders of its words.
function shortCommand(command) {
	const words = command.split(/\s+/).map((w) => w.startsWith('/') ? basename(w) : w).join(' ');

	return words.length > 120 ? `${words.slice(0, 119)}\u2026` : words;
}

// ---- who, when, how much -------------------------------------------------------------------

class Head {
	constructor(app) {
		this.app = app;
		this.run = app.run;
	}

	build() {
		const { app, run } = this, command = run.meta.command || '';
		const title = app.data.title || shortCommand(command) || run.name || 'Memory report';

		document.title = `${plain(title)} \u2013 memory report`;
		$('title').textContent = plain(title);
		$('about').textContent = [command && command !== title ? plain(command) : '',
			plain(run.name), run.meta.start ? `started ${plain(run.meta.start).replace('T', ' ').replace('Z', ' UTC')}`
				: '', plain(run.meta.tool || '')].filter(Boolean).join(' \u00b7 ');
		this.facts();
		this.loss();
		this.runs();
	}

	facts() {
		const { run } = this, s = run.summary, facts = [];
		const fact = (name, value, more, hint) => facts.push(el('div', { title: hint }, el('dt', {}, name),
			el('dd', {}, value), el('dd.extra', {}, more || '')));
		const amount = (name, a, more) => fact(name, bytes(a.bytes), `${count(a.count)} blocks${more || ''}`,
			`${exact(a.bytes, 'bytes')} in ${exact(a.count, 'blocks')}`);
		const pids = [...new Set(run.processes.map((p) => p[0]))];

		amount('Peak', s.peak, ` at ${time(s.peak_time, run.width)}`);
		amount('Live at the end', s.live);
		amount('Allocated', s.allocated);
		amount('Temporary', s.temporary, `, ${percent(s.temporary.count, s.allocated.count) || '0'}`);
		facts[3].title = `freed before the same thread allocated again: ${facts[3].title}`;
		if (s.rss.readings)
			fact('Highest RSS', bytes(s.rss.rss), `at ${time(s.rss.time, run.width)}, heap ${bytes(s.rss.heap)}`,
				exact(s.rss.rss, 'bytes'));
		fact('Events', count(s.events), `${count(s.frees)} frees`, `${number(s.events)} events`);
		fact('Duration', time(s.duration), s.samples ? `${count(s.samples)} CPU samples` : '');
		fact(pids.length > 1 ? 'Processes' : 'Process', pids.length > 2 ? number(pids.length) : pids.join(', '),
			`${number(s.threads)} thread${s.threads === 1 ? '' : 's'}`, `pid ${pids.join(', ')}`);
		$('facts').replaceChildren(...facts);
		this.more(s);
	}

	// What mp-stat says beside that, and what the trace says of itself.
	more(s) {
		const { run } = this, rows = [], say = (name, value) => rows.push(el('dt', {}, name), el('dd', {}, value));
		const marks = new Map();

		if (s.start_ns)
			say('Started', new Date(s.start_ns / 1e6).toISOString().replace('T', ' ').replace('Z', ' UTC'));
		say('Order', `exact within a thread and for each block; between threads to ${time(s.tick, s.tick)}`);
		say('Frees', `${number(s.frees)}; ${number(s.unknown_frees)} of blocks made before the trace, ${
			number(s.implicit_frees)} not seen but shown by an allocation in their place`);
		if (s.rss.readings)
			say('RSS at its highest', [['anonymous', s.rss.anon], ['file', s.rss.file], ['shared', s.rss.shmem]]
				.filter((r) => r[1] >= 0).map((r) => `${r[0]} ${bytes(r[1])}`).concat(`${number(s.rss.readings)} readings`)
				.join(', '));
		if (s.samples)
			say('CPU samples', `${number(s.samples)}, ${time(s.sampled_ns)}; ${number(s.idle_samples)} idle`);
		for (const m of run.marks)
			marks.set(m.name, (marks.get(m.name) || 0) + 1);
		if (marks.size)
			say('Marks', [...marks].slice(0, 20).map(([name, n]) => `${plain(name)}${n > 1 ? ` \u00d7 ${n}` : ''}`).join(', '));
		for (const p of run.processes.slice(0, 40))
			say(`Process ${p[0]}`, plain(p[2] || p[1]));
		for (const [key, value] of Object.entries(run.meta))
			say(plain(key), plain(value));
		$('more').replaceChildren(el('details', {}, el('summary', {}, 'More about this trace'), el('dl', {}, ...rows)));
	}

	loss() {
		const { run } = this, l = run.loss, words = [];
		const say = (n, one, many) => n && words.push(`${number(n)} ${n === 1 ? one : many}`);

		say(l.damaged_blocks, 'damaged block', 'damaged blocks');
		say(l.truncated, 'part cut short', 'parts cut short');
		say(l.lost_events, 'lost event', 'lost events');
		say(l.lost_bytes, 'lost byte', 'lost bytes');
		const text = words.length ? [`Incomplete: ${words.join(', ')}.`] : [], s = run.summary;

		if (run.n && (run.from > 0 || run.end + run.width < s.duration))
			text.push(`Figures above the timeline are of the whole trace; it shows ${time(run.from, run.width)} to ${
				time(run.end, run.width)}.`);

		if (run.damaged)
			text.push('When what lives across the damage was allocated and freed is approximate.');
		if (l.sample_interval)
			text.push(`Sampled: one allocation in ${bytes(l.sample_interval)} was recorded; figures are estimates.`);
		if (run.summary.unknown_frees)
			text.push(`${number(run.summary.unknown_frees)} frees were of blocks made before the trace.`);
		if (run.summary.allocated.bytes > Number.MAX_SAFE_INTEGER)
			text.push('Sums over 2^53 bytes are rounded.');
		$('loss').classList.toggle('quiet', !words.length && !run.damaged);
		$('loss').hidden = !text.length;
		$('loss').textContent = text.join(' ');
	}

	runs() {
		const { app } = this, n = app.data.runs.length;

		$('runs').replaceChildren(n < 2 ? '' : select(`Run`, app.data.runs.map((r, i) => [String(i),
			`${i + 1} of ${n}${r.name ? `: ${plain(r.name)}` : ''}`]), String(app.at), (v) => app.setRun(Number(v))));
	}
}
