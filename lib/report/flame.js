'use strict';
// flame.js - a tree of stacks as boxes as wide as what they hold.
// Only boxes that a screen can show exist; widths are in per cent, so that zoom and print
// need nothing new.  Invariant: one box, and one only, is in the tab order.

const ROW = 20, DEEPEST = 400;

// What a frame is called, and the class its colour comes from.
function frameName(data, frame) {
	return plain(data.strings[data.frames.func[frame]] || '?');
}

function framePlace(data, frame) {
	const f = data.frames, file = data.strings[f.file[frame]];
	const module = data.strings[f.module[frame]];

	if (file)
		return plain(file) + (f.line[frame] ? `:${f.line[frame]}` : '');
	return module && f.flags[frame] & UNRESOLVED ? plain(basename(module)) : '';
}

function frameKind(data, frame) {
	const flags = data.frames.flags[frame];

	return flags & NOTE           ? 'note'
		: flags & PYTHON      ? 'python'
		: flags & INTERPRETER ? 'interpreter'
		: flags & UNRESOLVED  ? 'unknown'
				      : 'native';
}

const KINDS = { python: 'Python', native: 'native', interpreter: 'the interpreter',
	unknown: 'native, no name known', note: 'summed up' };

class Flame {
	// VIEW: { trie, children, total, own, tint(node), describe(node), root: text }
	constructor(data, name) {
		this.data = data;
		this.zoom = 0;
		this.icicle = true;
		this.least = 0.6;       // pixels
		this.deepest = DEEPEST;
		this.focus = 0;
		this.root = el('div.flame', { role: 'tree', 'aria-label': name });
		this.scroller = el('div.scroller', {}, this.root);
		this.cut = el('p.cut', { hidden: true });
		this.about = el('div.about', { role: 'status' });
		this.pool = [];
		this.root.addEventListener('click', (e) => this.pick(e.target));
		this.root.addEventListener('dblclick', () => this.zoomTo(0));
		this.root.addEventListener('keydown', (e) => this.key(e));
		this.root.addEventListener('pointerover', (e) => this.tell(e.target.box));
		this.root.addEventListener(
			'pointerleave', () => this.tell(this.boxOf(this.focus)));
		this.root.addEventListener('focusin', (e) => {
			if (e.target.box)
				this.focusOn(e.target.box, false);
		});
	}

	show(view) {
		this.view = view;
		if (this.zoom >= view.trie.size || !(view.total[this.zoom] > 0))
			this.zoom = 0;
		this.draw();
	}

	// ---- layout -----------------------------------------------------------------------

	boxes() {
		const { trie, children, total } = this.view, out = [];
		const whole = total[this.zoom],
		      least = whole * this.least / Math.max(300, this.root.clientWidth);
		const above = [];

		this.cut.hidden = true;
		this.cut.textContent = `Callees more than ${this.deepest} calls deep are not `
			+ 'drawn; zooming in shows them.';

		for (let at = this.zoom; ; at = trie.parent[at]) {
			above.push(at);
			if (!at)
				break;
		}
		above.reverse().forEach((node, depth) => out.push({ node, depth, x: 0, w: 1,
			above: node !== this.zoom }));
		if (!(whole > 0))
			return out;
		const todo = [out[out.length - 1]];

		while (todo.length) {
			const box = todo.pop();
			let x = box.x;

			for (const node of children[box.node] || []) {
				if (!(total[node] >= least))
					continue;
				if (box.depth + 1 - above.length >= this.deepest) {
					this.cut.hidden = false;
					break;
				}
				const child = {
					node,
					depth: box.depth + 1,
					x,
					w: total[node] / whole
				};

				x += child.w;
				out.push(child);
				todo.push(child);
			}
		}
		return out;
	}

	draw() {
		const boxes = this.boxes(),
		      deepest = boxes.reduce((d, b) => Math.max(d, b.depth), 0);
		const width = Math.max(300, this.root.clientWidth);

		this.list = boxes;
		this.byNode = new Map(boxes.map((b) => [b.node, b]));
		if (!this.byNode.has(this.focus))
			this.focus = this.zoom;
		while (this.pool.length < boxes.length) {
			const e = el('div.box', { role: 'treeitem' });

			this.pool.push(e);
		}
		const grown = this.root.style.height !== `${(deepest + 1) * ROW}px`;

		this.root.style.height = `${(deepest + 1) * ROW}px`;
		boxes.forEach((box, i) => this.put(this.pool[i], box, deepest, width));
		const shown = this.pool.slice(0, boxes.length);

		if (this.root.childElementCount !== shown.length)
			this.root.replaceChildren(...shown);
		if (grown)
			this.scroller.scrollTop = this.icicle ? 0 : this.scroller.scrollHeight;
		this.mark(this.matched);
		this.tell(this.boxOf(this.focus));
	}

	put(e, box, deepest, width) {
		const { total, tint, root } = this.view, { node } = box;
		const name = node ? frameName(this.data, this.view.trie.frame[node]) : root;

		e.box = box;
		box.element = e;
		const named = box.w * width > 24;

		e.className = `box ${node ? tint(node) : 'all'}${box.above ? ' above' : ''}${
			named ? ' named' : ''}`;
		e.style.left = `${(box.x * 100).toFixed(4)}%`;
		e.style.width = `${(box.w * 100).toFixed(4)}%`;
		e.style.top = `${(this.icicle ? box.depth : deepest - box.depth) * ROW}px`;
		e.textContent = named ? name : '';
		if (box.w * width > 240 && node)
			e.append(el('span.place', {},
				shortFile(framePlace(this.data, this.view.trie.frame[node]))));
		e.tabIndex = node === this.focus ? 0 : -1;
		e.setAttribute('aria-level', box.depth + 1);
		e.setAttribute('aria-label', `${name}, ${this.view.say(total[node])}, ${
			percent(total[node], total[0])}`);
	}

	// The root is where the reading begins.
	turn(icicle) {
		this.icicle = icicle;
		this.draw();
		this.scroller.scrollTop = icicle ? 0 : this.scroller.scrollHeight;
	}

	// ---- search -------------------------------------------------------------------------

	// FRAMES: a predicate on frames, or null for no search.  Returns what share matches.
	mark(frames) {
		const { trie, total } = this.view;

		this.matched = frames;
		this.root.classList.toggle('searching', !!frames);
		for (const box of this.list)
			box.element.classList.toggle('match',
				!!frames && box.node > 0 && frames(trie.frame[box.node]));
		if (!frames)
			return null;
		const hit = new Uint8Array(trie.size);
		let sum = 0;

		for (let i = 1; i < trie.size; i++) {
			hit[i] = hit[trie.parent[i]];
			if (!hit[i] && frames(trie.frame[i])) {
				hit[i] = 1;
				sum += total[i];
			}
		}
		return sum;
	}

	// ---- moving about -----------------------------------------------------------------

	boxOf(node) {
		return this.byNode.get(node) || this.list[0];
	}

	pick(target) {
		const e = target.closest('.box');

		if (e)
			this.zoomTo(e.box.node);
	}

	zoomTo(node) {
		this.zoom = node;
		this.focus = node;
		this.draw();
		this.boxOf(node).element.focus({ preventScroll: true });
		if (this.onzoom)
			this.onzoom();
	}

	focusOn(box, grab = true) {
		const old = this.boxOf(this.focus);

		if (old)
			old.element.tabIndex = -1;
		this.focus = box.node;
		box.element.tabIndex = 0;
		if (grab)
			box.element.focus();
		this.tell(box);
	}

	// The box beside BOX: of its parent's children, else the nearest of its depth.
	beside(box, step) {
		const level = this.list.filter((b) => b.depth === box.depth)
				      .sort((a, b) => a.x - b.x);

		return level[level.indexOf(box) + step];
	}

	key(event) {
		const box = this.boxOf(this.focus), { trie } = this.view;
		const inward = this.list.filter((b) => b.depth === box.depth + 1 &&
			trie.parent[b.node] === box.node && b.node)[0];
		const outward = box.node ? this.byNode.get(trie.parent[box.node]) : null;
		const keys = {
			ArrowLeft: this.beside(box, -1),
			ArrowRight: this.beside(box, 1),
			ArrowDown: this.icicle ? inward : outward,
			ArrowUp: this.icicle ? outward : inward,
			Home: this.list[0]
		};

		if (event.key === 'Enter' || event.key === ' ')
			this.zoomTo(box.node);
		else if (event.key === 'Escape')
			this.zoomTo(0);
		else if (event.key in keys)
			keys[event.key] && this.focusOn(keys[event.key]);
		else
			return;
		event.preventDefault();
	}

	// ---- what a box is ------------------------------------------------------------------

	tell(box) {
		if (!box)
			return;
		const { node } = box, { data } = this, frame = this.view.trie.frame[node];
		const source = node ? data.strings[data.frames.source[frame]] : '';
		const module = node ? data.strings[data.frames.module[frame]] : '';

		this.about.replaceChildren(
			el('p', {},
				el('strong', {},
					node ? frameName(data, frame) : this.view.root),
				node ? ` ${framePlace(data, frame)}` : '',
				module ? ` [${plain(basename(module))}]` : '',
				el('span.muted', {},
					node ? ` \u00b7 ${KINDS[frameKind(data, frame)]}`
					     : '')),
			source ? el('code.source', {}, plain(source)) : '',
			el('p.figures', {}, ...this.view.describe(node)));
	}
}
