// Sections that fold: of layers that are alike, one is shown at a time.

function stepper(count, label, go) {
  const range = el("input", {
    type: "range",
    min: 0,
    max: count - 1,
    value: 0,
    "aria-label": "which of those that are alike",
    oninput: () => to(Number(range.value))
  });
  const out = el("output");
  const to = (i) => {
    i = Math.max(0, Math.min(count - 1, i));
    range.value = i;
    out.textContent = label(i);
    go(i);
  };
  const button = (word, by, name) =>
    el("button", {"aria-label": name, onclick: () => to(Number(range.value) + by)}, word);
  return {
    box: el("div", {class: "step"}, button("\u2039", -1, "previous"), range, button("\u203a", 1, "next"), out),
    to
  };
}

function kindOf(bands) {
  if (bands.length === 1) return bandOf(bands[0]);
  const holder = el("div");
  const step = stepper(
    bands.length, (i) => `${i + 1} of ${bands.length.toLocaleString("en")} alike`,
    (i) => holder.replaceChildren(bandOf(bands[i])));
  step.to(0);
  step.box.style.padding = "8px 0 0";
  return el("div", {class: "kind"}, step.box, holder);
}

// Some at a time, with a button for the next ones.
function inChunks(box, items, make, chunk) {
  let at = 0;
  const next = () => {
    box.append(...items.slice(at, at + chunk).map(make));
    at += chunk;
    if (at < items.length)
      box.append(el(
        "button", {class: "more", onclick: (e) => (e.target.remove(), next())},
        `show ${Math.min(chunk, items.length - at)} more of ${(items.length - at).toLocaleString("en")}`));
  };
  next();
}

function foldable(heading, fill, open) {
  const inside = el("div", {class: "inside", hidden: true});
  const toggle = () => {
    inside.hidden = !inside.hidden;
    button.setAttribute("aria-expanded", !inside.hidden);
    inside.hidden ? inside.replaceChildren() : fill(inside);
  };
  const button = el("button", {class: "fold", "aria-expanded": "false", onclick: toggle}, ...heading);
  if (open) toggle();
  return el("section", {}, button, inside);
}

function sectionOf(section, open) {
  const {layers} = section, kinds = layers[0].kinds;
  const all = kinds.flat(2);
  const what = `${plural(all.length, "move")}, ${
    bytes(all.filter((i) => writes(moves[i])).reduce((sum, i) => sum + moved(moves[i]), 0))}${
    layers.length > 1 ? " each" : ""}`;
  const fill = (box) => {
    const holder = el("div");
    const show = (i) => (holder.replaceChildren(), inChunks(holder, layers[i].kinds, kindOf, MOST_BANDS));
    if (layers.length > 1) {
      const step = stepper(layers.length, (i) => shown(layers[i].title), show);
      box.append(step.box);
      step.to(0);
    } else show(0);
    box.append(holder);
  };
  const heading = [
    el("h2", {}, shown(section.title)),
    layers.length > 1 ? el("span", {class: "count"}, `${layers.length.toLocaleString("en")} alike`) : "",
    el("span", {class: "soft"}, what)
  ];
  return foldable(heading, fill, open);
}
