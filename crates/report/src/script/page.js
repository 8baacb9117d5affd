// ---- Which point is shown, and drawing what is visible.
const draw = {
  attention, ablation, bars, curves, lines,
  grokking: (box, section) => grokking(box, section.points ? section.points.map((point) => [point.label, figures.get(point.id).grokking]) : [["", section]]),
};
const drawFigures = () => document.querySelectorAll(".figure").forEach((box) => {
  if (box.childElementCount || !box.clientWidth) return;
  const section = box.dataset.point ? figures.get(box.dataset.point)?.[box.dataset.figure] : data.matrix;
  if (section) draw[box.dataset.figure](box, section);
});
const points = [...document.querySelectorAll(".point")];
const select = document.getElementById("point");
const show = (id) => {
  points.forEach((point) => { point.hidden = point.id !== id; });
  if (select) select.value = id;
  drawFigures();
};
const follow = () => {
  const target = decodeURIComponent(location.hash.slice(1));
  const point = points.find((one) => target === one.id || target.startsWith(`${one.id}-`));
  if (point) {
    show(point.id);
    document.getElementById(target)?.scrollIntoView();
  }
};
if (points.length > 1) {
  select.closest(".chooser").hidden = false;
  select.addEventListener("change", () => show(select.value));
  addEventListener("hashchange", follow);
  show(points[0].id);
  follow();
} else drawFigures();
// Figures are drawn for their width in pixels: draw again when it changes for good.
let width = document.body.clientWidth, timer = 0;
addEventListener("resize", () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    document.querySelectorAll(".figure").forEach((box) => box.replaceChildren());
    drawFigures();
  }, 150);
});
