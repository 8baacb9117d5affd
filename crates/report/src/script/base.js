// ---- Small things: elements, numbers.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (space) => (name, attributes = {}, parent = null, text = null) => {
  const node = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
};
const html = make("http://www.w3.org/1999/xhtml");
const svg = make("http://www.w3.org/2000/svg");
const number = (value) =>
  Math.abs(value) >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 }) : String(Number(value.toPrecision(3))).replace("-", "−");
// What each kind of figure can besides: a section's script adds its own.
const enhance = {};

// ---- What is chosen stands in the address, behind the anchor: #p1-attention&seed=3&head=0.2
const chosen = new Map(), listeners = [];
let anchor = "";
const readAddress = () => {
  const [first = "", ...rest] = location.hash.slice(1).split("&").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  const pairs = first.includes("=") ? [first, ...rest] : rest;
  anchor = first.includes("=") ? "" : first;
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at > 0) chosen.set(pair.slice(0, at), pair.slice(at + 1));
  }
};
const writeAddress = () => {
  const pairs = [...chosen].map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  const hash = [anchor, ...pairs].filter(Boolean).join("&");
  try { history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search); } catch { /* some viewers have no history */ }
};
const tell = () => listeners.forEach((listen) => listen());
const choose = (pairs) => {
  for (const [key, value] of Object.entries(pairs)) if (value === null) chosen.delete(key); else chosen.set(key, String(value));
  writeAddress();
  tell();
};
const choice = (parent, label, pick) => {
  const box = html("label", {}, parent, `${label} `);
  const select = html("select", {}, box);
  select.addEventListener("change", () => pick(select.value));
  // Sets the options; hidden where there is no choice.
  return (options, value) => {
    select.replaceChildren(...options.map(([key, text]) => html("option", { value: key }, null, text)));
    select.value = value;
    box.hidden = options.length < 2;
  };
};

// ---- Values under the pointer, and by the arrow keys.
const tip = html("div", { id: "tip", role: "status", hidden: "" }, document.body);
const showTip = (text, x, y) => {
  tip.hidden = false;
  if (tip.textContent !== text) tip.textContent = text;
  const left = Math.min(x + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(scrollY + 4, y - tip.offsetHeight - 10)}px`;
};
const hideTip = () => {
  tip.hidden = true;
  all(".read").forEach((mark) => mark.classList.remove("read"));
};
// Pictures whose values are not those of single marks: how many there are, and one of them by number or under the pointer.
const readers = new WeakMap();
const marksOf = (picture) => ({
  count: () => all("[data-tip]", picture).length,
  read: (index) => {
    const mark = all("[data-tip]", picture)[index], frame = mark.getBoundingClientRect();
    mark.classList.add("read");
    showTip(mark.dataset.tip, scrollX + frame.x + frame.width / 2, scrollY + frame.y);
  },
});
document.addEventListener("pointermove", (event) => {
  const target = event.target.closest?.("[data-tip]"), reader = readers.get(event.target.closest?.("svg[tabindex]"));
  if (target) { hideTip(); showTip(target.dataset.tip, event.pageX, event.pageY); }
  else if (reader?.under) reader.under(event);
  else if (!document.activeElement?.matches?.("svg[tabindex]")) hideTip();
});
const readable = (picture, reader = marksOf(picture)) => {
  // Where nothing was measured there is nothing to read.
  if (!reader.count()) return;
  let at = -1;
  picture.setAttribute("tabindex", "0");
  readers.set(picture, reader);
  picture.setAttribute("aria-description", "The arrow keys read its values.");
  picture.addEventListener("blur", hideTip);
  picture.addEventListener("keydown", (event) => {
    const count = reader.count(), moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -count, End: count };
    if (event.key === "Escape") return hideTip();
    if (!(event.key in moves) || !count) return undefined;
    event.preventDefault();
    at = Math.min(Math.max(at + moves[event.key], 0), count - 1);
    hideTip();
    return reader.read(at);
  });
};

// ---- The picture to take away: every picture of the figure, its texts and its legend, with the styles that it has here.
const STYLES = ["r", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order", "vector-effect", "stroke-linejoin", "overflow"];
const styled = (original) => {
  const copy = original.cloneNode(true), copies = all("*", copy), unseen = all(".hit, .cursor", copy);
  all("*", original).forEach((node, index) => dress(node, copies[index]));
  dress(original, copy);
  unseen.forEach((node) => node.remove());
  return copy;
};
const dress = (node, copy) => {
  const style = getComputedStyle(node);
  for (const name of STYLES) copy.setAttribute(name, style.getPropertyValue(name));
  for (const name of ["class", "data-tip", "tabindex"]) copy.removeAttribute(name);
};
const takePicture = (figure) => {
  const frame = figure.getBoundingClientRect();
  const pictures = all(".picture svg, .legend svg", figure).filter((node) => !node.parentNode.closest("svg") && node.getClientRects().length);
  const texts = all(".picture p:not(.seeds), .picture li, .picture span, .legend span", figure).filter((node) => node.getClientRects().length && node.textContent.trim());
  const whole = svg("svg", { width: frame.width, height: frame.height, overflow: "visible" });
  const ink = getComputedStyle(figure);
  svg("rect", { width: "100%", height: "100%", fill: getComputedStyle(document.body).backgroundColor }, whole);
  const say = (node) => {
    // A line of text for each line that it has here.
    const range = document.createRange(), lines = [];
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) for (let index = 0; index < walker.currentNode.data.length; index += 1) {
      range.setStart(walker.currentNode, index);
      range.setEnd(walker.currentNode, index + 1);
      const box = range.getBoundingClientRect(), line = lines.at(-1);
      if (line && Math.abs(line.y - box.y) < 4) line.text += walker.currentNode.data[index];
      else if (box.width) lines.push({ text: walker.currentNode.data[index], x: box.x, y: box.y, height: box.height });
    }
    for (const line of lines) svg("text", { x: line.x - frame.x, y: line.y - frame.y + line.height * 0.8, "font-size": getComputedStyle(node).fontSize, "font-family": ink.fontFamily, fill: getComputedStyle(node).color }, whole, line.text);
  };
  all("figcaption", figure).concat(texts).forEach(say);
  for (const node of pictures) {
    const box = node.getBoundingClientRect(), copy = styled(node);
    const space = getComputedStyle(node);
    for (const [name, value] of Object.entries({ x: box.x - frame.x + parseFloat(space.paddingLeft), y: box.y - frame.y, width: box.width - parseFloat(space.paddingLeft) - parseFloat(space.paddingRight), height: box.height, overflow: "visible" })) copy.setAttribute(name, value);
    whole.append(copy);
  }
  return new XMLSerializer().serializeToString(whole);
};
const save = (name, type, content) => {
  const link = html("a", { download: name, href: URL.createObjectURL(new Blob([content], { type })) }, document.body);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

// ---- Pictures that stand beneath each other without a script, one of them chosen here.
const variants = (box) => {
  const parts = all(".variant", box), keys = Object.keys(parts[0].dataset);
  const controls = html("div", { class: "controls" });
  const selects = keys.map((key) => [key, choice(controls, key.replace(/^./, (c) => c.toUpperCase()).replace(/[A-Z]/g, (c, at) => (at ? ` ${c.toLowerCase()}` : c)), (value) => choose({ [key]: value }))]);
  const missing = html("p", { class: "note" }, null, "The page has no room for these; they stand in the table.");
  box.prepend(controls, missing);
  const show = () => {
    const wanted = Object.fromEntries(keys.map((key) => {
      const values = [...new Set(parts.map((part) => part.dataset[key]))];
      return [key, values.includes(chosen.get(key)) ? chosen.get(key) : values[0]];
    }));
    for (const [key, fill] of selects) fill([...new Set(parts.map((part) => part.dataset[key]))].map((value) => [value, value || "all"]), wanted[key]);
    const shown = parts.filter((part) => keys.every((key) => part.dataset[key] === wanted[key]));
    parts.forEach((part) => { part.hidden = !shown.includes(part); });
    missing.hidden = shown.length > 0;
  };
  listeners.push(show);
};

