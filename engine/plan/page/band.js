// One band: tensors left and right, rules between, and the lines of its moves.

function parts(band) {
  const left = new Map(), right = new Map(), pills = new Map(), lines = new Map();
  const add = (map, key, move) => (map.has(key) || map.set(key, []), map.get(key).push(move));
  for (const i of band) {
    const move = moves[i], pill = `${move.rule} ${writes(move)}`;
    const ends = [move.from, move.to].filter((t) => t !== null);
    for (const t of ends) add(tensors[t].end === "from" ? left : right, t, i);
    add(pills, pill, i);
    for (const t of ends) add(lines, `${t} ${pill}`, i);
  }
  return {left, right, pills, lines};
}

function column(kind, items, make) {
  const box = el("div", {class: "column " + kind});
  const all = [...items];
  const show = (from, to) => box.append(...all.slice(from, to).map(make));
  show(0, all.length > MOST_NODES + 1 ? MOST_NODES : all.length);
  if (all.length > MOST_NODES + 1)
    box.append(el(
      "button",
      {class: "more", onclick: (e) => (e.target.remove(), show(MOST_NODES, all.length), draw(box.parentNode))},
      `${all.length - MOST_NODES} more`));
  return box;
}

function nodeOf([id, touching], words) {
  const t = tensors[id], where = place(t);
  return el(
    "button", {class: `node ${t.end}`, "data-key": id, onclick: () => select(shown(t.name), touching)},
    el("span", {class: "name"}, ...marked(shown(t.name), words)),
    el(
      "span", {class: "detail"}, `${t.dtype} ${shape(t.shape)}`, where && "  ",
      where && el("span", {class: "place"}, where)));
}

function pillOf([key, touching], words) {
  const first = moves[touching[0]], rule = rules[first.rule];
  const ops =
    [...new Set(touching.map((i) => moves[i].op))].filter((op) => op !== "copy").map((op) => op.replace("_", " "));
  return el(
    "button", {
      class: `rule ${writes(first) ? "" : "compare"}`,
      "data-key": key,
      title: shown(rule.at),
      onclick: () => select(shown(rule.name), touching)
    },
    el("span", {class: "name"}, ...marked(shown(rule.name), words)), el("span", {class: "detail"}, [
      writes(first) ? plural(touching.length, "box", "boxes") : plural(touching.length, "comparison"),
      ...ops.filter((o) => !o.startsWith("compare"))
    ].join(", ")));
}

function bandOf(band, words = []) {
  const {left, right, pills, lines} = parts(band);
  const box = el("div", {class: "band"});
  box.lines = lines;
  box.append(
    document.createElementNS(SVG, "svg"), column("from", left, (n) => nodeOf(n, words)),
    column("rules", pills, (p) => pillOf(p, words)), column("to", right, (n) => nodeOf(n, words)));
  const touching = new Map([...left, ...right, ...pills].map(([key, list]) => [String(key), list]));
  const hot = (on) => (event) => {
    const key = event.target.closest?.("[data-key]")?.dataset.key;
    if (key !== undefined) heat(box, on ? touching.get(key) : []);
  };
  for (const [name, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]])
    box.addEventListener(name, hot(on));
  watcher.observe(box);
  return box;
}

// Some moves stand out: all of their way, and both of their ends.
function heat(box, touching) {
  box.hot = touching;
  const hot = new Set(touching), keys = new Set();
  for (const path of box.querySelectorAll("path:not(.touch)")) {
    const line = path.dataset.line, on = box.lines.get(line).some((i) => hot.has(i)), space = line.indexOf(" ");
    path.classList.toggle("hot", on);
    if (on) keys.add(line.slice(0, space)).add(line.slice(space + 1));
  }
  for (const node of box.querySelectorAll("[data-key]")) node.classList.toggle("hot", keys.has(node.dataset.key));
}

// Lines run between what is laid out already, so they follow any width.
function draw(box) {
  const svg = box.querySelector("svg"), frame = box.getBoundingClientRect();
  if (!frame.width) return;
  const at = new Map([...box.querySelectorAll("[data-key]")].map((n) => [n.dataset.key, n.getBoundingClientRect()]));
  const paths = [];
  for (const [line, touching] of box.lines) {
    const space = line.indexOf(" "), id = line.slice(0, space), node = at.get(id), pill = at.get(line.slice(space + 1));
    if (!node || !pill) continue;
    const source = tensors[id].end === "from";
    const [x, to] = source ? [node.right, pill.left] : [pill.right, node.left];
    const [y, toY] = (source ? [node, pill] : [pill, node]).map((r) => r.top + r.height / 2 - frame.top);
    const d = `M${x - frame.left} ${y}C${(x + to) / 2 - frame.left} ${y} ${(x + to) / 2 - frame.left} ${toY} ${
      to - frame.left} ${toY}`;
    const first = moves[touching[0]];
    const kind = !writes(first) ? "compare" : touching.every((i) => moves[i].pad) ? "pad" : "";
    for (const name of [kind, "touch"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.setAttribute("class", name);
      path.dataset.line = line;
      if (name === "touch") {
        path.addEventListener("click", () => select(shown(tensors[id].name), touching));
        path.addEventListener("mouseenter", () => heat(box, touching));
        path.addEventListener("mouseleave", () => heat(box, []));
      }
      paths.push(path);
    }
  }
  svg.replaceChildren(...paths);
  heat(box, box.hot ?? []);
}
const watcher = new ResizeObserver((entries) => entries.forEach((e) => draw(e.target)));
