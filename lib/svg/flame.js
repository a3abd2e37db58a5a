// flame.js - makes the picture of a flame graph one to look into: zoom, search, exact
// figures.  `data` stands before it (page.c).  Values are texts of whole numbers, so
// that none loses a digit; names are put in as text, never as markup.
'use strict';
(() => {
const NS = 'http://www.w3.org/2000/svg';
const MARGIN = 10, ROW = 16, CHAR = 7.25, NARROW = 0.3, LETTERS = 5;
const svg = document.currentScript.ownerSVGElement;
const one = id => svg.querySelector('#' + id);
const columns = data.columns.map(([name, unit, sums]) => ({name, unit, sums}));
const key = columns[data.key];
const room = data.width - 2 * MARGIN;

// ---- frames, in the order of the file: a frame, then all that stands on it

const frames = [];
for (const line of data.frames.split(';')) {
	// what is left out is as in the frame before
	const field = line.split(','), before = frames[frames.length - 1], at = 2 + columns.length;
	const depth = field[0] === '' ? before.depth + 1 : +field[0];
	const value = columns.map((c, k) => field[2 + k] || before.value[k]);
	const f = {depth, name: +field[1], value, cursor: 0};
	let more = at;

	f.weight = data.weighted ? +field[more++] : Math.abs(+f.value[data.key]);
	f.folded = +(field[more] || 0);
	f.gone = field.slice(more + 1);
	f.index = frames.length;
	f.parent = null;
	for (let p = frames[f.index - 1]; p && !f.parent; p = p.parent)
		if (p.depth < depth)
			f.parent = p;
	f.left = f.parent ? f.parent.cursor : 0;
	f.cursor = f.left;
	if (f.parent)
		f.parent.cursor += f.weight;
	frames.push(f);
}
for (let i = frames.length - 1; i >= 0; i--) {
	const f = frames[i], p = f.parent;

	f.end = Math.max(f.end || 0, i + 1);
	if (p)
		p.end = Math.max(p.end || 0, f.end);
}
const root = frames[0];

// "func (file:line)", as mp-top has it
const places = [];
for (let i = 0; i < data.names.length; i += 3) {
	const [file, line] = data.names.slice(i + 1, i + 3);

	places.push(file < 0 ? '' : ' (' + data.files[file] + (line ? ':' + line : '') + ')');
}
const func = f => data.names[3 * f.name];
const name = f => func(f) + places[f.name];

// What a frame holds without those on it, drawn or folded.
function self(f) {
	let left = BigInt(f.value[data.key]) - BigInt(f.gone[data.key] || 0);

	for (let i = f.index + 1; i < f.end; i = frames[i].end)
		left -= BigInt(frames[i].value[data.key]);
	return String(left);
}

// ---- figures

const exact = text => text.replace(/\B(?=(\d{3})+$)/g, ',');
const signed = text => (/^[-0]/.test(text) ? '' : '+') + exact(text);

function scaled(value, step, units) {
	let i = 0;

	while (i + 1 < units.length && Math.abs(value) >= step - 0.05) {
		value /= step;
		i++;
	}
	return value.toFixed(1) + ' ' + units[i];
}

function human(value, unit) {
	if (unit === 'B' && Math.abs(value) >= 1024)
		return scaled(value / 1024, 1024, ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
	if (unit === 'ns' && Math.abs(value) >= 1000)
		return scaled(value / 1000, 1000, ['us', 'ms', 's']);
	return '';
}

// "8,000,056 B (7.6 MiB)", "1 block", "3 samples"
function amount(column, text, write = exact) {
	const about = human(+text, column.unit), unit = column.unit;

	if (unit === 'B' || unit === 'ns')
		return write(text) + ' ' + unit + (about ? ' (' + about + ')' : '');
	if (column.name === 'count')
		return write(text) + (text === '1' ? ' block' : ' blocks');
	return write(text) + ' ' + (text === '1' ? column.name.replace(/s$/, '') : column.name);
}

function percent(part, whole) {
	return whole ? (100 * part / whole).toFixed(2) + '%' : '-';
}

function memory(f) {
	const at = n => columns.findIndex(c => c.name === n), of = n => f.value[at(n)];
	const size = text => amount({unit: 'B'}, text), n = at('samples') < 0 ? 0n : BigInt(of('samples'));
	const said = [];

	if (at('rss_sum') >= 0 && n > 0n)
		said.push('mean ' + size(String((BigInt(of('rss_sum')) + n / 2n) / n)));
	if (at('rss') >= 0)
		said.push('max ' + size(of('rss')));
	if (at('rss_growth') >= 0)
		said.push('growth ' + amount({unit: 'B'}, of('rss_growth'), signed));
	return said.length ? 'RSS ' + said.join(', ') : '';
}

function detail(f) {
	const said = [];

	columns.forEach((c, k) => {
		const v = f.value[k];

		if (/^rss/.test(c.name))
			return;
		if (data.diff)
			said.push(k === data.key ? 'change ' + amount(c, v, signed) :
				c.name + ' ' + amount(c, v));
		else
			said.push((c.unit === 'B' && c.name !== 'bytes' || c.unit === 'ns' ? c.name + ' ' : '') +
				amount(c, v) + (c.sums ? ', ' + percent(+v, +root.value[k]) + ' of all' : ''));
	});
	if (memory(f))
		said.push(memory(f));
	said.push('self ' + amount(key, self(f), data.diff ? signed : exact));
	if (f.folded)
		said.push(exact(String(f.folded)) + ' more too narrow to draw, ' + amount(key, f.gone[data.key]));
	return said.join('; ');
}

// ---- drawing

// TEXT cut in its middle to N characters.
function cut(text, n) {
	const all = Array.from(text), tail = Math.floor((n - 3) * 2 / 3);

	return all.length <= n ? text :
		all.slice(0, n - 3 - tail).join('') + '...' + all.slice(all.length - tail).join('');
}

// As a terminal counts it: East Asian characters are two wide.
const wide = text => Array.from(text).reduce((n, c) => n + (c >= '\u1100' ? 2 : 1), 0);

function label(f, width) {
	const n = Math.floor((width - 4) / CHAR), whole = name(f);

	if (wide(whole) <= n)
		return whole;
	if (wide(func(f)) <= n)
		return func(f);
	return n < LETTERS ? '' : cut(func(f), wide(func(f)) > func(f).length ? n >> 1 : n);
}

function colour(f) {
	const kind = data.kinds.substr(2 * f.name, 2), v = +f.value[data.key];

	if (!data.diff || f === root || kind[0] === 'o')
		return kind;
	return v ? (v > 0 ? 'a' : 'b') + (1 + Math.min(5, Math.floor(6 * Math.abs(v) / data.change))) : 'z0';
}

function element(tag, attributes, text) {
	const e = document.createElementNS(NS, tag);

	for (const k in attributes)
		e.setAttribute(k, attributes[k]);
	if (text !== undefined)
		e.textContent = text;
	return e;
}

const level = depth => data.top + ROW * (data.icicle ? depth : data.depth - depth);
let zoomed = root, current = root, matches = null, drawn = new Map();

function draw_one(f, into, x, width, outer) {
	const kind = data.kinds[2 * f.name];
	const g = element('g', {class: 'f ' + kind + (outer ? ' outer' : '') +
		(matches && matches[f.name] ? ' match' : ''), role: 'button', tabindex: f === current ? 0 : -1});
	const said = label(f, width);

	g.append(element('rect', {class: colour(f), x: x.toFixed(2), y: level(f.depth),
		width: Math.max(0.2, width > 2 ? width - 0.5 : width).toFixed(2), height: ROW - 1}));
	if (said)
		g.append(element('text', {x: (x + 3).toFixed(2), y: level(f.depth) + 11.5}, said));
	g.frame = f;
	drawn.set(f.index, g);
	into.append(g);
}

function draw() {
	const into = document.createDocumentFragment(), scale = room / (zoomed.weight || 1);

	drawn = new Map();
	if (zoomed.index >= current.end || zoomed.end <= current.index)
		current = zoomed;
	for (let p = zoomed.parent; p; p = p.parent)
		draw_one(p, into, MARGIN, room, true);
	for (let i = zoomed.index; i < zoomed.end;) {
		const f = frames[i], width = f.weight * scale;

		if (width < NARROW && f !== zoomed) {
			i = f.end;
			continue;
		}
		draw_one(f, into, MARGIN + (f.left - zoomed.left) * scale, width, false);
		i++;
	}
	if (!drawn.has(current.index)) {
		current = zoomed;
		drawn.get(current.index).setAttribute('tabindex', 0);
	}
	one('frames').replaceChildren(into);
	one('reset').classList.toggle('hidden', zoomed === root);
}

// What fits into the picture: where it is too long, "15.1 MiB" for "15,814,656 B (15.1 MiB)".
function fitted(text) {
	const n = Math.floor(room / CHAR);

	if (text.length > n)
		text = text.replace(/([-+]?)[\d,]+ (?:B|ns) \(-?([^)]*)\)/g, '$1$2');
	return cut(text, n);
}

function show(f) {
	const g = drawn.get(f.index);

	one('name').textContent = cut(name(f), Math.floor((matches ? room - 420 : room) / CHAR));
	one('detail').textContent = fitted(detail(f));
	if (g && !g.querySelector('title')) {
		g.setAttribute('aria-label', name(f) + ': ' + detail(f));
		g.append(element('title', {}, name(f) + '\n' + detail(f)));
	}
}

// Scroll so that G is seen, below the lines on top.
function reveal(g) {
	const at = g.getBoundingClientRect(), top = Math.max(0, svg.getBoundingClientRect().top) + data.top;

	if (at.top < top)
		window.scrollBy(0, at.top - top);
	else if (at.bottom > window.innerHeight)
		window.scrollBy(0, at.bottom - window.innerHeight);
}

function focus(f) {
	const g = f && drawn.get(f.index), old = drawn.get(current.index);

	if (!g)
		return;
	if (old)
		old.setAttribute('tabindex', -1);
	current = f;
	g.setAttribute('tabindex', 0);
	g.focus({preventScroll: true});
	reveal(g);
	show(f);
}

function zoom(f, focused) {
	zoomed = f;
	current = f;
	draw();
	if (focused)
		focus(f);
	show(f);
}

// The drawn frame beside F in its row.
function beside(f, step) {
	for (let i = f.index + step; i >= 0 && i < frames.length; i += step)
		if (frames[i].depth === f.depth && drawn.has(i))
			return frames[i];
	return null;
}

// ---- search

function found() {
	let sum = 0n, weight = 0;

	for (let i = 0; i < frames.length;) {
		const f = frames[i];

		if (!matches[f.name]) {
			i++;
			continue;
		}
		sum += BigInt(f.value[data.key]);
		weight += f.weight;
		i = f.end;
	}
	return 'matched ' + amount(key, String(sum), data.diff ? signed : exact) + ', ' +
		percent(weight, root.weight) + ' of all' + (data.folded ? '; folded frames not searched' : '');
}

function search(text) {
	let wanted;

	one('find').classList.remove('wrong');
	try {
		// capitals count once there is one
		wanted = text && new RegExp(text, /[A-Z]/.test(text) ? 'u' : 'iu');
	} catch (error) {
		one('find').classList.add('wrong');
		one('matched').textContent = 'not a regular expression';
		return;
	}
	matches = null;
	if (wanted) {
		matches = [];
		for (let i = 0; i < places.length; i++)
			matches.push(i > 0 && wanted.test(data.names[3 * i] + places[i]));
	}
	one('matched').textContent = matches ? found() : '';
	draw();
}

function open_search() {
	one('field').classList.remove('hidden');
	one('find').focus({preventScroll: true});
	one('find').select();
}

function close_search() {
	one('find').value = '';
	search('');
	one('field').classList.add('hidden');
	focus(current);
}

// ---- what is done with mouse and keys

function frame_of(event) {
	const g = event.target.closest && event.target.closest('.f');

	return g ? g.frame : null;
}

function press(button, action) {
	button.addEventListener('click', action);
	button.addEventListener('keydown', event => {
		if (event.key !== 'Enter' && event.key !== ' ')
			return;
		event.preventDefault();
		event.stopPropagation();
		action();
	});
}

function step(event, f) {
	const up = event.key === (data.icicle ? 'ArrowDown' : 'ArrowUp');

	if (event.key === 'Enter' || event.key === ' ')
		zoom(f, true);
	else if (event.key === 'ArrowUp' || event.key === 'ArrowDown')
		focus(up ? frames.slice(f.index + 1, f.end).find(c => c.parent === f && drawn.has(c.index)) : f.parent);
	else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight')
		focus(beside(f, event.key === 'ArrowLeft' ? -1 : 1));
	else if (event.key === 'Home')
		focus(zoomed);
	else
		return;
	event.preventDefault();
}

const area = one('frames');
area.addEventListener('mouseover', event => frame_of(event) && show(frame_of(event)));
area.addEventListener('mouseleave', () => show(zoomed));
area.addEventListener('focusin', event => frame_of(event) && show(frame_of(event)));
area.addEventListener('click', event => frame_of(event) && zoom(frame_of(event), true));
area.addEventListener('keydown', event => frame_of(event) && step(event, frame_of(event)));
press(one('reset'), () => zoom(root, true));
press(one('search'), open_search);
one('find').addEventListener('input', event => search(event.target.value));
one('find').addEventListener('keydown', event => {
	event.stopPropagation();
	if (event.key === 'Escape')
		close_search();
	else if (event.key === 'Enter')
		focus(current);
	else if ((event.ctrlKey || event.metaKey) && event.key === 'f')
		event.preventDefault();
});
window.addEventListener('keydown', event => {
	if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
		event.preventDefault();
		open_search();
	} else if (event.key === 'Escape') {
		if (matches)
			close_search();
		else
			zoom(root, true);
	}
});

// The lines on top stay in sight; what stands on the root is looked at from below.
const head = one('head');
const keep_head = () => head.setAttribute('transform',
	'translate(0,' + Math.max(0, -svg.getBoundingClientRect().top) + ')');
window.addEventListener('scroll', keep_head);

one('picture').remove();
one('search').classList.remove('hidden');
draw();
show(root);
if (svg === document.documentElement && !data.icicle)
	window.scrollTo(0, svg.height.baseVal.value);
keep_head();
})();
