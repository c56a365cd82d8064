// The journey of an analyst in a real browser. Started by crates/server/tests/journey.rs:
//   node journey.mjs begin|decide JSON
import assert from "node:assert/strict";
import { about, openAlert, origin, page, setUp, shot, signIn, visit } from "./visit.mjs";

async function begin() {
  await setUp("Harbour & Finch");
  await page.goto(`${origin}/sources/new`);
  await page.fill("#name", "First source");
  await page.fill("#slug", "first");
  await page.click("main button[type=submit]");
  const key = (await page.locator("#key").innerText()).trim();
  assert.match(key, /^irk_/);
  return { key };
}

async function decide() {
  await signIn();
  const { code, score, rows } = await openAlert(about.actor);
  assert.ok(rows >= 3);
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

await visit({ begin, decide });
