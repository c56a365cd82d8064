// One visit of a real browser, for the journeys: `visit(stages)` runs the stage named on the command
// line with the JSON that follows it, prints one line of JSON with what it found, and ends with
// exit 1 when an expectation fails or a page complains.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [stage, given] = process.argv.slice(2);
export const { origin, scripts, shots, ...about } = JSON.parse(given);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ javaScriptEnabled: scripts, viewport: { width: 1280, height: 900 } });
export const page = await context.newPage();
page.setDefaultTimeout(30000);

// Nothing a page does may break its own policy or fail silently.
const complaints = [];
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type())) complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));

export const shot = async (name) => {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};
export const heading = () => page.locator("h1").first().innerText();

export async function setUp(organisation) {
  await page.goto(`${origin}/`);
  assert.match(page.url(), /\/setup$/, "a new installation asks to be set up");
  await page.fill("#code", about.code);
  await page.fill("#name", "Ada Analyst");
  await page.fill("#email", about.email);
  await page.fill("#password", about.password);
  await page.fill("#organisation", organisation);
  await shot("setup");
  await page.click("button[type=submit]");
  if (page.url().includes("/login")) await signIn();
}

export async function signIn() {
  await page.goto(`${origin}/login?next=/alerts`);
  await page.fill("#email", about.email);
  await page.fill("#password", about.password);
  await page.click("main button[type=submit]");
}

// Opens the first alert about an actor and checks that its rows sum to the score.
export async function openAlert(actor) {
  await page.goto(`${origin}/alerts`);
  await shot("alerts");
  const row = page.locator("tr").filter({ hasText: actor }).first();
  await row.locator("a[href^='/alerts/AL-']").first().click();
  await page.waitForURL(/\/alerts\/AL-\d+$/);
  const code = page.url().split("/").pop();
  assert.ok((await heading()).includes(actor));
  const tenths = (text) => Math.round(Number(text.replace("−", "-").replace("+", "")) * 10);
  const points = await page.locator("#why tbody td.pts").allInnerTexts();
  const sum = points.map(tenths).reduce((a, b) => a + b, 0);
  const score = await page.locator("#score-sum").innerText();
  assert.equal(sum, tenths(score), `${points} must sum to ${score}`);
  return { code, score, rows: points.length };
}

export async function visit(stages) {
  try {
    const found = await stages[stage]();
    assert.deepEqual(complaints, []);
    console.log(JSON.stringify(found));
  } catch (error) {
    console.error(error.stack ?? error, complaints);
    if (shots) await page.screenshot({ path: `${shots}/failed.png`, fullPage: true }).catch(() => {});
    console.error(await page.locator("body").innerText().catch(() => ""));
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
