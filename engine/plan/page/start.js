// Searching, and the page as it opens.

let index = null;  // by band: its layer's title, its moves, its words
function bandIndex() {
  const all = [];
  for (const section of sections)
    for (const layer of section.layers)
      for (const kind of layer.kinds)
        for (const band of kind) {
          const names = new Set(band.flatMap((i) => [moves[i].from, moves[i].to].filter((t) => t !== null)));
          const words =
            [...names].map((t) => tensors[t].name).concat([...new Set(band.map((i) => rules[moves[i].rule].name))]);
          all.push({title: layer.title, band, text: words.join("\n").toLowerCase()});
        }
  return all;
}

function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  $("sections").hidden = $("more").hidden = words.length > 0;
  $("results").replaceChildren();
  if (!words.length) return;
  index ??= bandIndex();
  const found = index.filter((entry) => words.every((word) => entry.text.includes(word)));
  $("results").append(
    el("p", {class: "note"}, found.length ? `${plural(found.length, "group")} of tensors` : "nothing has these words"));
  const box = el("section", {}, el("div", {class: "inside"}));
  if (found.length) $("results").append(box);
  inChunks(box.firstChild, found, (entry) => bandOf(entry.band, words), 30);
}

function start() {
  const title = `${shown(plan.family)}: ${side("from")} \u2192 ${side("to")}`;
  $("title").textContent = document.title = title;
  document.title += " \u2013 tessera plan";
  $("verdict").textContent = plan.verdict;
  $("verdict").classList.add(plan.verdict);
  $("verdict").title = plan.reason;
  document.querySelector(".from-word").textContent = side("from");
  document.querySelector(".to-word").textContent = side("to");
  const c = plan.costs, b = (text) => el("b", {}, text);
  const narrowed = plan.narrowed &&
    Object.entries(plan.narrowed).filter(([, v]) => v !== null).map(([k, v]) => `${k} ${shown(v)}`).join(", ");
  $("facts").append(
    b(plural(c.sources, "tensor")), ` read, ${bytes(c.bytes_read)} \u00b7 `, b(plural(c.outputs, "tensor")),
    ` written, ${bytes(c.bytes_written)} \u00b7 `, b(plural(c.moves, "move")),
    c.casts ? `, ${plural(c.casts, "cast")}` : "", c.compares ? `, ${plural(c.compares, "comparison")}` : "",
    ` \u00b7 ${shown(plan.rules)}`, narrowed ? ` \u00b7 narrowed to ${narrowed}` : "");
  const bands = sections.reduce((n, s) => n + s.layers[0].kinds.length, 0);
  $("sections").append(...sections.map((s) => sectionOf(s, bands <= MOST_UNFOLDED)));
  if (!sections.length) $("sections").append(el("p", {class: "note"}, "no tensor is asked for by this name"));
  for (const [heading, lines] of [
         ["left out", plan.ignored], ["regions that no move takes", plan.graph.omissions.map(omissionText)],
         ["nothing made", plan.graph.empty_ranges], ["taken by default", plan.defaulted_keys],
         ["configuration keys that nothing carries over", plan.dropped_keys], ["notes", plan.notes],
         ["configuration of the target", [JSON.stringify(plan.config, null, 2)]]])
    if (lines.length && lines[0] !== "{}")
      $("more").append(foldable(
        [el("h3", {}, heading), lines.length > 1 ? el("span", {class: "count"}, lines.length) : ""],
        (box) => inChunks(box, lines, (line) => el("pre", {}, line.split("\n").map(shown).join("\n")), 200), false));
  const header = document.querySelector("header");
  new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${header.offsetHeight}px`)).observe(header);
  let timer;
  $("search").addEventListener("input", () => (clearTimeout(timer), timer = setTimeout(search, 120)));
  $("close").addEventListener("click", closePanel);
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && document.activeElement !== $("search")) (e.preventDefault(), $("search").focus());
    else if (e.key === "Escape" && !$("panel").hidden) closePanel();
    else if (e.key === "Escape") ($("search").value = "", search());
  });
}
const omissionText = (o) =>
  `${tensors[o.tensor].name}  ${shape(o.shape)} ${strided(o.at)}  (${rules[o.rule].name}: ${o.kind})`;
start();
