// Opens pages as people do, in headless Chromium: wide and on a phone, light and dark, without a script, on paper.
// Usage: node page.mjs CHROMIUM PAGE.html...   (modules: axe-core, puppeteer-core)
// axe-core asks whether whoever sees little or has no pointer can read them; the rest are our own promises.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const puppeteer = require("puppeteer-core");
const [chromium, ...pages] = process.argv.slice(2);
const faults = [];
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, protocolTimeout: 0, args: ["--no-sandbox", "--disable-gpu"] });

const open = async (file, width, scheme, script = true, hash = "") => {
  const page = await browser.newPage();
  page.on("console", (message) => { if (["error", "warn"].includes(message.type())) faults.push(`${file}: the console says: ${message.text()}`); });
  page.on("pageerror", (error) => faults.push(`${file}: ${error.message}`));
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setJavaScriptEnabled(script);
  await page.goto(pathToFileURL(file).href + hash);
  return page;
};
const expect = (file, words, fine) => { if (!fine) faults.push(`${file}: ${words}`); };

for (const file of pages) {
  for (const [width, scheme] of [[1280, "light"], [390, "dark"]]) {
    const page = await open(file, width, scheme), where = `${file} at ${width} px, ${scheme}`;
    const seen = await page.evaluate(() => {
      const verdict = document.querySelector(".verdict"), first = verdict.querySelector(".headline, .tasks li").getBoundingClientRect();
      return { verdict: first.bottom, wide: document.documentElement.scrollWidth, screen: document.documentElement.clientWidth };
    });
    expect(where, `the verdict ends ${seen.verdict} px down, below the first screen`, seen.verdict < 900);
    expect(where, `the page is ${seen.wide} px wide`, seen.wide <= seen.screen);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    await page.evaluate(axe);
    // Thousands of marks have no role and no text: their pictures have.
    const { violations } = await page.evaluate(() => globalThis.axe.run({ exclude: [["svg path"], ["svg rect"], ["svg circle"], ["svg line"]] }, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) faults.push(`${where}: axe ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")} (${nodes.length})`);
    await page.close();
  }
  // Every value is read by the keyboard, every figure has its data, what is chosen stands in the address and comes back.
  const page = await open(file, 1280, "light");
  const read = await page.evaluate(() => {
    const silent = [], tip = document.getElementById("tip");
    for (const picture of document.querySelectorAll("svg[tabindex]")) {
      if (!picture.getClientRects().length) continue;
      picture.focus();
      picture.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
      if (tip.hidden || !tip.textContent) silent.push(picture.getAttribute("aria-label"));
    }
    const figures = [...document.querySelectorAll("figure")];
    const empty = figures.filter((one) => decodeURIComponent(one.querySelector("a[download]").href.split(",").slice(1).join(",")).split("\n").length < 3);
    const button = document.querySelector("[data-seeds] button:last-of-type");
    button?.click();
    const head = [...document.querySelectorAll("svg.head")].filter((one) => one.getClientRects().length).at(-1);
    head?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return { head: head?.dataset.head, silent, empty: empty.map((one) => one.id), figures: figures.length, seed: button?.value, hash: location.hash };
  });
  expect(file, `the keyboard reads nothing of: ${read.silent.join("; ")}`, !read.silent.length);
  expect(file, `no data behind ${read.empty}`, !read.empty.length && read.figures > 0);
  for (const key of ["seed", "head"]) expect(file, `${key} ${read[key]} is not in the address ${read.hash}`, read[key] === undefined || read.hash.includes(`${key}=${read[key]}`));
  await page.close();
  if (read.seed !== undefined) {
    const again = await open(file, 1280, "light", true, read.hash);
    const pressed = await again.evaluate(() => document.querySelector("[data-seeds] button[aria-pressed=true]")?.value);
    expect(file, `${read.hash} brings back seed ${pressed}`, pressed === read.seed);
    await again.close();
  }
  // Without a script, and on paper, everything is there.
  for (const [words, medium] of [["without a script", "screen"], ["on paper", "print"]]) {
    const bare = await open(file, 1280, "light", medium === "print");
    await bare.emulateMediaType(medium);
    const hidden = await bare.$$eval(".point, .variant, figure, figure svg[role=img]", (all) => all.filter((one) => !one.getClientRects().length).length);
    expect(file, `${words} ${hidden} parts are hidden`, !hidden);
    await bare.close();
  }
}
await browser.close();
faults.forEach((fault) => console.error(fault));
console.log(`${pages.length} pages opened in Chromium: ${faults.length ? `${faults.length} faults` : "nothing found"}`);
process.exit(faults.length ? 1 : 0);
