"use strict";
// The plan as `tessera plan --format json` prints it, and its sections: of each the layers that are alike, of each
// layer the kinds of bands, of each kind the bands that are alike, of each band its moves. Only what is unfolded is in
// the page.
const $ = (id) => document.getElementById(id);
function taken(id) {  // the text itself is not needed twice
  const data = JSON.parse($(id).textContent);
  $(id).remove();
  return data;
}
const plan = taken("plan"), sections = taken("sections-data");
const {tensors, moves, rules, addresses} = plan.graph;
const SVG = "http://www.w3.org/2000/svg";
const MOST_NODES = 6, MOST_BANDS = 60, MOST_MOVES = 40, MOST_UNFOLDED = 80;

// Text from files is shown as text, and what would not be seen (controls, marks of direction) by its number.
const shown = (text) => String(text).replace(
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
  (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
const plural = (n, one, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
const shape = (numbers) => `[${numbers.join(", ")}]`;
const strided = ({offset, strides}) =>
  [offset || !strides.length ? [offset] : [], strides.length ? [shape(strides)] : []].flat().join(" + ");
function bytes(n) {
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (n < 1000 || unit === "TB") return `${unit === "B" ? n : n.toFixed(1)} ${unit}`;
    n /= 1000;
  }
}
const bits = (dtype) => Number(/\d+/.exec(dtype)?.[0] ?? 8);  // BOOL has no number
const moved = (move) => move.box.shape.reduce((a, b) => a * b, 1) * bits(tensors[move.to ?? move.from].dtype) / 8;
const writes = (move) => move.op === "copy" || move.op === "fill";
const dims = (mesh) => Object.keys(mesh).filter((d) => mesh[d] > 1 && !(d === "etp" && mesh.etp === mesh.tp));
function place(tensor) {
  const {mesh, places} = plan.ends[tensor.end];
  return dims(mesh).map((d) => d + places[tensor.place][d]).join(" ");
}
const side =
  (end) => [shown(plan.ends[end].side), ...dims(plan.ends[end].mesh).map((d) => d + plan.ends[end].mesh[d])].join(" ");

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((c) => c !== undefined && c !== ""));
  return node;
}
// A long name breaks behind its dots.
const breakable = (text) => text.split(/(?<=[._])/).flatMap((piece) => [piece, el("wbr")]);
function marked(text, words) {
  if (!words.length) return breakable(text);
  const low = text.toLowerCase(), out = [];
  let at = 0;
  while (at < text.length) {
    const hits = words.map((w) => [low.indexOf(w, at), w.length])
                   .filter(([i]) => i >= 0)
                   .sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    if (!hits.length) break;
    out.push(...breakable(text.slice(at, hits[0][0])), el("mark", {}, text.slice(hits[0][0], hits[0][0] + hits[0][1])));
    at = hits[0][0] + hits[0][1];
  }
  return [...out, ...breakable(text.slice(at))];
}
