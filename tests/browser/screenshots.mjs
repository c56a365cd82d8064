// Photographs every page of the demo: node screenshots.mjs ORIGIN EMAIL PASSWORD DIR
// light and dark at 1280 pixels, light at 400, and the README's picture. Ends with exit 1 when a
// page complains in the console or scrolls sideways.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [origin, email, password, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
let faults = 0;
const fault = (text) => { faults += 1; console.error(text); };

async function session(colorScheme, width) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, storageState: await signedIn });
  const page = await context.newPage();
  page.on("console", (m) => { if (["error", "warning"].includes(m.type())) fault(`${page.url()}: ${m.text()}`); });
  return page;
}

const signedIn = (async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/login`);
  await page.screenshot({ path: `${folder}/login.png` });
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/login"));
  return context.storageState();
})();

const start = await session("light", 1280);
const first = async (list, link) => {
  await start.goto(`${origin}${list}`);
  const href = await start.locator(`main ${link}`).first().getAttribute("href");
  return new URL(href, origin).pathname;
};
const alert = await first("/alerts?sort=worst", "a[href^='/alerts/AL-']");
const actor = await first("/actors", "a[href^='/actors/AC-']");
const pages = {
  overview: "/", alerts: "/alerts", alert, "alert-close": `${alert}/close`, actors: "/actors", actor,
  baseline: `${actor}/baseline`, events: "/events", rules: "/rules", rule: "/rules/volume_spike",
  sources: "/sources", source: await first("/sources", "tbody a[href^='/sources/']"),
  "source-new": "/sources/new", audit: "/audit", "settings-general": "/settings/general",
  "settings-scoring": "/settings/scoring", "settings-retention": "/settings/retention",
  integrations: "/integrations", profile: "/profile", missing: "/alerts/AL-1",
};

for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 400], ["dark", 400]]) {
  const page = await session(scheme, width);
  for (const [name, path] of Object.entries(pages)) {
    const answer = await page.goto(`${origin}${path}`);
    if (answer.status() >= 400 && name !== "missing" && answer.status() !== 403) fault(`${path}: ${answer.status()}`);
    const [scrolls, holds] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (scrolls > holds) fault(`${path} at ${width}: ${scrolls} pixels wide`);
    await page.screenshot({ path: `${folder}/${name}-${scheme}-${width}.png`, fullPage: true });
  }
  await page.context().close();
}
const page = await session("light", 1280);
await page.goto(`${origin}${alert}`);
await page.screenshot({ path: `${folder}/readme-alert.png`, clip: { x: 0, y: 0, width: 1280, height: 1000 }, fullPage: true });
await browser.close();
process.exitCode = faults ? 1 : 0;
