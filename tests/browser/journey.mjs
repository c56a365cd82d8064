// The journey of an analyst in a real browser. Started by crates/server/tests/journey.rs:
//   node journey.mjs begin|decide JSON
// Prints one line of JSON with what it found; any expectation that fails ends it with exit 1.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [stage, given] = process.argv.slice(2);
const { origin, scripts, shots, ...about } = JSON.parse(given);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ javaScriptEnabled: scripts, viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
page.setDefaultTimeout(30000);

// Nothing a page does may break its own policy or fail silently.
const complaints = [];
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type())) complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));

const shot = async (name) => {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};
const heading = () => page.locator("h1").first().innerText();

async function begin() {
  await page.goto(`${origin}/`);
  assert.match(page.url(), /\/setup$/, "a new installation asks to be set up");
  await page.fill("#code", about.code);
  await page.fill("#name", "Ada Analyst");
  await page.fill("#email", about.email);
  await page.fill("#password", about.password);
  await page.fill("#organisation", "Harbour & Finch");
  await shot("setup");
  await page.click("button[type=submit]");
  if (page.url().includes("/login")) await signIn();
  await page.goto(`${origin}/sources/new`);
  await page.fill("#name", "First source");
  await page.fill("#slug", "first");
  await page.click("main button[type=submit]");
  const key = (await page.locator("#key").innerText()).trim();
  assert.match(key, /^irk_/);
  return { key };
}

async function signIn() {
  await page.goto(`${origin}/login?next=/alerts`);
  await page.fill("#email", about.email);
  await page.fill("#password", about.password);
  await page.click("main button[type=submit]");
}

async function decide() {
  await signIn();
  await page.goto(`${origin}/alerts`);
  await shot("alerts");
  const row = page.locator("tr").filter({ hasText: about.actor }).first();
  await row.locator("a[href^='/alerts/AL-']").first().click();
  await page.waitForURL(/\/alerts\/AL-\d+$/);
  const code = page.url().split("/").pop();
  assert.match(await heading(), new RegExp(about.actor));

  // The rows of the table sum to the score.
  const tenths = (text) => Math.round(Number(text.replace("−", "-").replace("+", "")) * 10);
  const points = await page.locator("#why tbody td.pts").allInnerTexts();
  const sum = points.map(tenths).reduce((a, b) => a + b, 0);
  const score = await page.locator("#score-sum").innerText();
  assert.equal(sum, tenths(score), `${points} must sum to ${score}`);
  assert.ok(points.length >= 3);
  await shot("alert");

  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.waitForLoadState();
  await page.locator(".strip").filter({ hasText: "Acknowledged" }).waitFor();

  await page.getByRole("link", { name: /Close/ }).first().click();
  await page.getByLabel(/no impact/i).check();
  await page.fill("#reason", about.reason);
  await page.getByRole("button", { name: "Close alert" }).click();
  await page.locator(".strip").filter({ hasText: "Resolved" }).waitFor();
  assert.ok((await page.locator("main").innerText()).includes(about.reason));
  await shot("closed");

  // Who did what is in the audit log, with before and after.
  await page.goto(`${origin}/audit`);
  const entry = page.locator("tr").filter({ hasText: `changed the status of an alert: ${code}` }).first();
  await entry.locator("summary").click();
  const change = await entry.innerText();
  for (const part of ["acknowledged", "resolved", about.reason]) {
    assert.ok(change.includes(part), `${part} is in ${change}`);
  }
  await shot("audit");

  await page.locator("details.menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);
  await page.goto(`${origin}/alerts/${code}`);
  assert.match(page.url(), /\/login/, "signed out means out");
  return { code, score };
}

try {
  const found = await { begin, decide }[stage]();
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
