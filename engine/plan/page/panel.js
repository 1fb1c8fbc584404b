// What a click tells: the moves, their rule line, both tensors, their boxes.

function tensorText(word, id) {
  if (id === null) return [];
  const t = tensors[id], where = place(t), address = addresses[t.address];
  return [
    el("dt", {}, word),
    el(
      "dd", {}, ...breakable(shown(t.name)), el("br"),
      `${plan.ends[t.end].side}${where ? " " + where : ""}, ${t.dtype} ${shape(t.shape)}`,
      ...(address ? [el("br"), el("span", {class: "layout"}, shown(address.text))] : []))
  ];
}

function boxText({box, value, program}) {
  const words = [
    shape(box.shape), box.from ? `from ${strided(box.from)}` : "", box.to ? `to ${strided(box.to)}` : "",
    program ? `then ${program.join(" | ")}` : ""
  ];
  if (value !== undefined) words[0] = `${shape(box.shape)} of ${shown(value)}`;
  return el("li", {}, ...words.filter(Boolean).flatMap((word, i) => (i ? [el("br"), word] : [word])));
}

// Moves of one rule line between the same two tensors: said once, with all their boxes.
function moveOf(group) {
  const move = moves[group[0]], rule = rules[move.rule], address = addresses[move.address];
  return el(
    "div", {class: "move"},
    el(
      "h3", {},
      el(
        "span", {}, el("span", {class: "op"}, move.op.replace("_", " ") + (move.pad ? " pad" : "")), " ",
        shown(rule.name)),
      el("span", {class: "soft"}, bytes(group.reduce((sum, i) => sum + moved(moves[i]), 0)))),
    el("p", {class: "soft"}, shown(address?.at ?? rule.at)),
    address ? el("pre", {}, shown(address.line.trim().replace(/ {3,}/g, "  "))) : "",
    el(
      "dl", {}, ...tensorText("from", move.from), ...tensorText(writes(move) ? "to" : "with", move.to),
      el("dt", {}, group.length > 1 ? "boxes" : "box"),
      el("dd", {}, el("ol", {class: group.length > 1 ? "" : "one"}, ...group.map((i) => boxText(moves[i]))))));
}

function grouped(touching) {
  const groups = new Map();
  for (const i of touching) {
    const {op, from, to, rule, address, pad} = moves[i], key = [op, from, to, rule, address, pad].join();
    groups.has(key) ? groups.get(key).push(i) : groups.set(key, [i]);
  }
  return [...groups.values()];
}

let opener = null;
function select(title, touching) {
  opener = document.activeElement;
  $("panel").hidden = false;
  $("panel-title").textContent = title;
  $("panel-body").replaceChildren(el("p", {class: "soft"}, plural(touching.length, "move")));
  inChunks($("panel-body"), grouped(touching), moveOf, MOST_MOVES);
  $("panel").scrollTop = 0;
  $("panel-title").focus({preventScroll: true});
}
function closePanel() {
  $("panel").hidden = true;
  opener?.focus?.({preventScroll: true});
}
