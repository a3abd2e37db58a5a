'use strict';
// head.js - the head of the page: who, when, how much, what is missing.

// A command without the folders of its words.
function shortCommand(command) {
	const words =
		command.split(/\s+/).map((w) => w.startsWith('/') ? basename(w) : w).join(' ');

	return words.length > 120 ? `${words.slice(0, 119)}\u2026` : words;
}

class Head {
	constructor(app) {
		this.app = app;
		this.run = app.run;
	}

	build() {
		const { app, run } = this, { meta } = run, command = meta.command || '';
		const title =
			app.data.title || shortCommand(command) || run.name || 'Memory report';
		const started = (meta.start || '').replace('T', ' ').replace('Z', ' UTC');

		document.title = `${plain(title)} \u2013 memory report`;
		$('title').textContent = plain(title);
		$('about').textContent = [
			command !== title ? command : '', run.name,
			started && `started ${started}`, meta.tool || ''
		].filter(Boolean).map(plain).join(' \u00b7 ');
		this.facts();
		this.more();
		this.loss();
		this.runs();
	}

	// The figures of the trace, all of it.
	facts() {
		const { run } = this, s = run.summary, facts = [];
		const pids = [...new Set(run.processes.map((p) => p[0]))];
		const fact = (name, value, more, hint) =>
			facts.push(el('div', { title: hint }, el('dt', {}, name),
				el('dd', {}, value), el('dd.extra', {}, more || '')));
		const amount = (name, a, more = '', hint = '') => fact(name, bytes(a.bytes),
			`${count(a.count)} blocks${more}`,
			`${hint}${exact(a.bytes, 'bytes')} in ${exact(a.count, 'blocks')}`);

		amount('Peak', s.peak, ` at ${time(s.peak_time, run.width)}`);
		amount('Live at the end', s.live);
		amount('Allocated', s.allocated);
		if (s.temporary) // a sample does not tell
			amount('Temporary', s.temporary,
				`, ${percent(s.temporary.count, s.allocated.count) || '0'}`,
				'freed before the same thread allocated again: ');
		if (s.rss.readings)
			fact('Highest RSS', bytes(s.rss.rss),
				`at ${time(s.rss.time, run.width)}, heap ${bytes(s.rss.heap)}`,
				exact(s.rss.rss, 'bytes'));
		fact('Events', count(s.events), `${count(s.frees)} frees`,
			`${number(s.events)} events`);
		fact('Duration', time(s.duration),
			s.samples ? `${count(s.samples)} CPU samples` : '');
		fact(pids.length > 1 ? 'Processes' : 'Process',
			pids.length > 2 ? number(pids.length) : pids.join(', '),
			`${number(s.threads)} thread${s.threads === 1 ? '' : 's'}`,
			`pid ${pids.join(', ')}`);
		$('facts').replaceChildren(...facts);
	}

	// What mp-stat says beside that, and what the trace says of itself.
	more() {
		const { run } = this, s = run.summary, rows = [];
		const say = (name, value) => rows.push(el('dt', {}, name), el('dd', {}, value));

		if (s.start_ns)
			say('Started',
				new Date(s.start_ns / 1e6)
					.toISOString()
					.replace('T', ' ')
					.replace('Z', ' UTC'));
		say('Order', `exact within a thread and for each block; between threads to ${
			time(s.tick, s.tick)}`);
		say('Frees', `${number(s.frees)}; ${number(s.unknown_frees)} of blocks made `
			+ `before the trace, ${number(s.implicit_frees)} not seen but shown by `
			+ 'an allocation in their place');
		if (s.rss.readings)
			say('RSS at its highest', this.resident(s.rss));
		if (s.samples)
			say('CPU samples', `${number(s.samples)}, ${time(s.sampled_ns)}; ${
				number(s.idle_samples)} idle`);
		if (run.marks.length)
			say('Marks', this.marks());
		for (const p of run.processes.slice(0, 40))
			say(`Process ${p[0]}`, plain(p[2] || p[1]));
		for (const [key, value] of Object.entries(run.meta))
			say(plain(key), plain(value));
		$('more').replaceChildren(el('details', {},
			el('summary', {}, 'More about this trace'), el('dl', {}, ...rows)));
	}

	resident(r) {
		const parts = [['anonymous', r.anon], ['file', r.file], ['shared', r.shmem]];

		return parts.filter((p) => p[1] >= 0).map((p) => `${p[0]} ${bytes(p[1])}`)
			.concat(`${number(r.readings)} readings`).join(', ');
	}

	marks() {
		const times = new Map();

		for (const m of this.run.marks)
			times.set(m.name, (times.get(m.name) || 0) + 1);
		return [...times].slice(0, 20).map(([name, n]) =>
			plain(name) + (n > 1 ? ` \u00d7 ${n}` : '')).join(', ');
	}

	loss() {
		const { run } = this, words = this.missing(), s = run.summary, text = [];
		const say = (condition, sentence) => condition && text.push(sentence);

		say(words.length, `Incomplete: ${words.join(', ')}.`);
		say(run.damaged, 'When what lives across the damage was allocated and freed is '
			+ 'approximate.');
		say(run.n && (run.from > 0 || run.end + run.width < s.duration),
			`Figures above the timeline are of the whole trace; it shows ${
				time(run.from, run.width)} to ${time(run.end, run.width)}.`);
		say(run.loss.sample_interval, `Estimates: sampled, one allocation in about ${
			bytes(run.loss.sample_interval)} recorded.`);
		say(s.unknown_frees, `${number(s.unknown_frees)} frees were of blocks made `
			+ 'before the trace.');
		say(s.allocated.bytes > Number.MAX_SAFE_INTEGER,
			'Sums over 2^53 bytes are rounded.');
		$('loss').classList.toggle('quiet', !words.length && !run.damaged);
		$('loss').hidden = !text.length;
		$('loss').textContent = text.join(' ');
	}

	missing() {
		const l = this.run.loss, words = [];
		const say = (n, one, many) =>
			n && words.push(`${number(n)} ${n === 1 ? one : many}`);

		say(l.damaged_blocks, 'damaged block', 'damaged blocks');
		say(l.truncated, 'part cut short', 'parts cut short');
		say(l.lost_events, 'lost event', 'lost events');
		say(l.lost_bytes, 'lost byte', 'lost bytes');
		return words;
	}

	runs() {
		const { app } = this, n = app.data.runs.length;
		const options = app.data.runs.map((r, i) => [String(i),
			`${i + 1} of ${n}${r.name ? `: ${plain(r.name)}` : ''}`]);

		$('runs').replaceChildren(n < 2 ? '' : select('Run', options, String(app.at),
			(v) => app.setRun(Number(v))));
	}
}
