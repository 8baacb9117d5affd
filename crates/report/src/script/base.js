const data = JSON.parse(document.getElementById("data").textContent);
const figures = new Map(data.points);

// ---- Small things: elements, numbers, the tip under the pointer.
const make = (space) => (name, attributes = {}, parent = null, text = null) => {
  const node = document.createElementNS(space, name);
  // The page allows no style in an attribute; set on the element itself it is the script's own.
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") node.style.cssText = value;
    else node.setAttribute(key, value);
  }
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
};
const svg = make("http://www.w3.org/2000/svg");
const html = make("http://www.w3.org/1999/xhtml");
const canvas = (parent, width, height, label) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parent);
const number = (value) =>
  value === null ? "–" : Math.abs(value) >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 })
    : String(Number(value.toPrecision(3))).replace("-", "−");
const tip = html("div", { id: "tip", hidden: "" }, document.body);
const showTip = (text, event) => {
  tip.hidden = false;
  tip.textContent = text;
  const left = Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${event.pageY - tip.offsetHeight - 10}px`;
};
document.addEventListener("pointermove", (event) => {
  const target = event.target.closest?.("[data-tip]");
  if (target) showTip(target.dataset.tip, event);
  else if (!event.target.closest?.("[data-live]")) tip.hidden = true;
});
const choice = (parent, label, options, pick) => {
  const box = html("label", {}, parent, `${label} `);
  const select = html("select", {}, box);
  options.forEach(([value, text]) => html("option", { value }, select, text));
  select.addEventListener("change", () => pick(select.value));
  if (options.length < 2) box.hidden = true;
  return select;
};
const table = (parent, summary, head, rows) => {
  const details = html("details", {}, parent);
  html("summary", {}, details, summary);
  const body = html("table", {}, html("div", { class: "scroll" }, details));
  const line = (cells, name, box) => {
    const row = html("tr", {}, box);
    cells.forEach((cell, index) => html(name, { class: index ? "n" : "" }, row, cell));
  };
  line(head, "th", html("thead", {}, body));
  const rest = html("tbody", {}, body);
  rows.forEach((row) => line(row, "td", rest));
};
const ticks = (low, high, wanted) => {
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const found = [];
  for (let index = first; index * step <= high + step * 1e-9; index += 1) found.push(Number((index * step).toPrecision(12)));
  return found;
};

