'use strict';
// tree.js - stacks as a tree of the frames that are shown, and what its nodes hold.
// Invariant: a node has a larger number than its parent, so sums need one pass.

// How much of a stack is shown.  python: its Python frames if it has any, as mp-top does;
// outside: all but the interpreter's own; all.
const SHOWN = {
	python: (flags) => (flags & (PYTHON | NOTE)) !== 0,
	outside: (flags) => (flags & INTERPRETER) === 0,
	all: () => true,
};

const FRAMES_MOST = 2 ** 26;       // so that a key is exact for as many nodes, twice

class Trie {
	constructor() {
		this.parent = [0];
		this.frame = [0];
		this.depth = [0];
		this.index = new Map();
	}

	child(parent, frame) {
		const key = parent * FRAMES_MOST + frame;
		let node = this.index.get(key);

		if (node === undefined) {
			node = this.parent.push(parent) - 1;
			this.frame.push(frame);
			this.depth.push(this.depth[parent] + 1);
			this.index.set(key, node);
		}
		return node;
	}

	get size() {
		return this.parent.length;
	}

	// Frames from the root to NODE.
	path(node) {
		const out = [];

		for (; node; node = this.parent[node])
			out.push(this.frame[node]);
		return out.reverse();
	}
}

// Which nodes of the report have a Python frame in their stack.
function pythonNodes(data) {
	const { parent, frame } = data.nodes, out = new Uint8Array(parent.length);

	for (let i = 1; i < parent.length; i++)
		out[i] = out[parent[i]] || data.frames.flags[frame[i]] & PYTHON ? 1 : 0;
	return out;
}

// A tree for the way stacks are shown, and the node in it of every node of the report.
function showStacks(data, frames, hideImport) {
	const { parent, frame } = data.nodes, flags = data.frames.flags;
	const trie = new Trie(), n = parent.length, python = pythonNodes(data);
	const all = new Uint32Array(n), some = new Uint32Array(n), of = new Uint32Array(n);

	for (let i = 1; i < n; i++) {
		const f = flags[frame[i]], hidden = hideImport && f & IMPORT;

		// of stacks without a Python frame nothing is hidden
		all[i] = python[i] ? 0 : trie.child(all[parent[i]], frame[i]);
		some[i] = SHOWN[frames](f) && !hidden ? trie.child(some[parent[i]], frame[i])
			: some[parent[i]];
		of[i] = python[i] ? some[i] : all[i];
	}
	return { trie, of };
}

// The same turned over: callers above the frame that allocated.  Of stacks that are not
// HEAVY, by node of SHOWN, only that frame is told, their callers are the rest.
function invert(shown, used, heavy) {
	const trie = new Trie(), of = new Uint32Array(shown.of.length), done = new Map();

	for (const node of used) {
		const leaf = shown.of[node];

		if (!done.has(leaf)) {
			let to = 0, at = leaf;

			for (; at && (!to || heavy[leaf]); at = shown.trie.parent[at])
				to = trie.child(to, shown.trie.frame[at]);
			if (at)
				to = trie.child(to, REST);
			done.set(leaf, to);
		}
		of[node] = done.get(leaf);
	}
	return { trie, of };
}

// Own values of a tree's nodes from those of rows, through a mask.
function ownValues(shown, table, values, allowed) {
	const own = new Float64Array(shown.trie.size);

	for (let row = 1; row <= table.rows; row++)
		if (allowed[row])
			own[shown.of[table.node[row]]] += values[row];
	return own;
}

function withChildren(trie, own) {
	const total = Float64Array.from(own);

	for (let i = trie.size - 1; i > 0; i--)
		total[trie.parent[i]] += total[i];
	return total;
}

// Children of every node, largest of ORDER first: a list of arrays.
function childrenOf(trie, order) {
	const out = Array.from({ length: trie.size }, () => null);

	for (let i = 1; i < trie.size; i++)
		(out[trie.parent[i]] = out[trie.parent[i]] || []).push(i);
	for (const list of out)
		if (list)
			list.sort((a, b) => order[b] - order[a] || a - b);
	return out;
}

// Nodes that have no node of their group above them: a group counts once in a stack,
// however often it recurs.
function outermost(trie, groupOf) {
	const out = new Uint8Array(trie.size);

	for (let i = 1; i < trie.size; i++) {
		let at = trie.parent[i];

		while (at && groupOf[trie.frame[at]] !== groupOf[trie.frame[i]])
			at = trie.parent[at];
		out[i] = at ? 0 : 1;
	}
	return out;
}

function groupTotals(trie, total, groupOf, first, n) {
	const out = new Float64Array(n);

	for (let i = 1; i < trie.size; i++)
		if (first[i])
			out[groupOf[trie.frame[i]]] += total[i];
	return out;
}
