'use strict';
// format.js - numbers, times and names for people, and the only way anything gets into
// the document: el() sets text, never markup.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function bytes(v) {
	let unit = 0, n = Math.abs(v);

	for (; n >= 1023.95 && unit < UNITS.length - 1; unit++)
		n /= 1024;
	return `${v < 0 ? '\u2212' : ''}${unit ? n.toFixed(1) : n} ${UNITS[unit]}`;
}

const number = (v) => String(Math.abs(v)).replace(/\B(?=(\d{3})+$)/g, '\u202f')
	.replace(/^/, v < 0 ? '\u2212' : '');

function count(v) {
	const n = Math.abs(v), sign = v < 0 ? '\u2212' : '';

	if (n < 1e5)
		return number(v);
	const [scale, unit] = n < 1e6 ? [1e3, 'k'] : n < 1e9 ? [1e6, 'M'] : [1e9, 'G'];

	return `${sign}${(n / scale).toFixed(n / scale < 100 ? 1 : 0)} ${unit}`;
}

// Of an axis: few digits.
const brief = (v) => v < 1e3 ? String(v) : v < 1e6 ? `${+(v / 1e3).toFixed(1)} k` : v < 1e9
	? `${+(v / 1e6).toFixed(1)} M` : `${+(v / 1e9).toFixed(1)} G`;

const quantity = (v, unit) => unit === 'bytes' ? bytes(v) : count(v);
const exact = (v, unit) => unit === 'bytes' ? `${number(v)} bytes` : `${number(v)} blocks`;

function percent(v, whole) {
	if (!whole)
		return '';
	const p = 100 * v / whole;

	return `${v < 0 ? '\u2212' : ''}${Math.abs(p) > 0 && Math.abs(p) < 0.1 ? '<0.1'
		: Math.abs(p).toFixed(1)}\u202f%`;
}

// NS as a time, fine enough to tell steps of STEP ns apart.
function time(ns, step = 1e6) {
	const s = ns / 1e9,
	      digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9))));

	if (s < 1e-3 && digits > 5)
		return digits > 8 && ns < 1000 ? `${ns} ns`
					       : `${(s * 1e6).toFixed(digits - 6)} \u00b5s`;
	if (s < 1 && digits > 2)
		return `${(s * 1e3).toFixed(Math.max(0, digits - 3))} ms`;
	if (s < 60)
		return `${s.toFixed(digits)} s`;
	const minutes = Math.floor(s / 60), rest = s - minutes * 60;

	return minutes < 60 ? `${minutes} min ${rest.toFixed(digits)} s`
		: `${Math.floor(minutes / 60)} h ${minutes % 60} min ${rest.toFixed(digits)} s`;
}

// Control characters and marks that turn the direction of text are shown, not obeyed;
// lines and tabs are space.
const UNSAFE =
	/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const plain = (text) => text.replace(/[\t\n\r]+/g, ' ').replace(UNSAFE, (c) =>
	`\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const basename = (path) => path.slice(path.lastIndexOf('/') + 1) || path;

// A file as its package names it: without the folder packages are installed in.  Of a
// long path the last folders, whole.
function shortFile(path) {
	const at = path.search(/\/(site|dist)-packages\//);

	if (at >= 0)
		return path.slice(at + 15);
	const lib = path.match(/\/lib\/python3[\d.]*\/(.+)$/);

	if (lib || path.length <= 48)
		return lib ? lib[1] : path;
	const folder = path.indexOf('/', path.length - 48);

	return `\u2026${path.slice(folder < 0 ? -47 : folder)}`;
}

// ---- elements -----------------------------------------------------------------------

// el('td.num', { title: 'x' }, 'text', child…): strings become text.
function el(what, attributes = {}, ...children) {
	const [tag, ...classes] = what.split('.'), e = document.createElement(tag);

	if (classes.length)
		e.className = classes.join(' ');
	for (const [name, value] of Object.entries(attributes))
		if (name.startsWith('on'))
			e.addEventListener(name.slice(2), value);
		else if (value === true)
			e.setAttribute(name, '');
		else if (value !== false && value !== null && value !== undefined)
			e.setAttribute(name, value);
	e.append(...children);
	return e;
}

const SVG = 'http://www.w3.org/2000/svg';

function svg(tag, attributes = {}, ...children) {
	const e = document.createElementNS(SVG, tag);

	for (const [name, value] of Object.entries(attributes))
		e.setAttribute(name, value);
	e.append(...children);
	return e;
}

// A group of buttons of which one is pressed.
function choice(label, options, chosen, choose) {
	const group = el('div.choice', { role: 'radiogroup', 'aria-label': label });

	for (const [value, text, title] of options) {
		const pressed = value === chosen;

		group.append(el('button', {
			type: 'button',
			role: 'radio',
			title,
			'aria-checked': String(pressed),
			tabindex: pressed ? 0 : -1,
			'data-value': value,
			onclick: () => pick(value)
		},
			text));
	}
	function pick(value) {
		for (const b of group.children) {
			const on = b.dataset.value === value;

			b.setAttribute('aria-checked', String(on));
			b.tabIndex = on ? 0 : -1;
		}
		choose(value);
	}
	group.addEventListener('keydown', (event) => {
		const step = { ArrowRight: 1,
			ArrowDown: 1,
			ArrowLeft: -1,
			ArrowUp: -1 }[event.key];

		if (!step)
			return;
		const all = [...group.children];
		const at = all[(all.indexOf(document.activeElement) + step + all.length) %
			all.length];

		event.preventDefault();
		at.focus();
		pick(at.dataset.value);
	});
	return group;
}

function select(label, options, chosen, choose) {
	const list = el('select', { onchange: () => choose(list.value) });

	for (const [value, text, disabled] of options)
		list.append(el('option', { value, disabled, selected: value === chosen }, text));
	return el('label.field', {}, el('span', {}, label), list);
}

function check(label, on, choose, title) {
	const box = el('input',
		{ type: 'checkbox', checked: on, onchange: () => choose(box.checked) });

	return el('label.check', { title }, box, label);
}

// The names a save dialog gives are the user's; what is saved is text.
function download(name, text) {
	const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
	const link = el('a', { href: url, download: name });

	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// Cells that a spreadsheet would run are led by a quote.
function csv(rows) {
	const cell = (v) => {
		const text = typeof v === 'number'
			? String(v)
			: plain(String(v)).replace(/^[=+\-@]/, "'$&");

		return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
	};

	return rows.map((row) => row.map(cell).join(',')).join('\n') + '\n';
}
