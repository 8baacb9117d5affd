// ---- Which point is shown; everything else stands without a script too.
for (const figure of all("figure")) {
  const button = figure.querySelector("button[data-svg]");
  button.hidden = false;
  button.addEventListener("click", () => save(`${figure.dataset.file}.svg`, "image/svg+xml", takePicture(figure)));
  enhance[figure.dataset.figure]?.(figure);
  all(".picture svg[aria-label]:not(.head)", figure).forEach((picture) => { if (!readers.has(picture)) readable(picture); });
  all("[data-variants]", figure).forEach(variants);
}
// What scrolls has to be reached by the keyboard.
all(".scroll, .heads").forEach((box) => { box.tabIndex = 0; box.setAttribute("role", "group"); box.setAttribute("aria-label", "scrolls sideways"); });
const points = all(".point"), select = document.getElementById("point");
const follow = (scroll) => {
  const point = points.find((one) => anchor === one.id || anchor.startsWith(`${one.id}-`)) ?? points.find((one) => !one.hidden) ?? points[0];
  if (points.length > 1) points.forEach((one) => { one.hidden = one !== point; });
  if (select) select.value = point.id;
  tell();
  if (scroll && anchor) document.getElementById(anchor)?.scrollIntoView();
};
if (points.length > 1) {
  select.closest(".chooser").hidden = false;
  points.forEach((point, index) => { point.hidden = index > 0; });
  select.addEventListener("change", () => { anchor = select.value; writeAddress(); follow(false); });
}
addEventListener("hashchange", () => { readAddress(); writeAddress(); follow(true); });
readAddress();
follow(true);
// Paper cannot be unfolded.
let folded = [];
addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach((one) => { one.open = true; }); });
addEventListener("afterprint", () => { folded.forEach((one) => { one.open = false; }); });
