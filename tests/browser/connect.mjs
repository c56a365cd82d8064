// Connecting providers in a real browser. Started by crates/server/tests/connect.rs:
//   node connect.mjs begin|connect|healthy|alert JSON
import assert from "node:assert/strict";
import { about, heading, openAlert, origin, page, setUp, shot, signIn, visit } from "./visit.mjs";

async function begin() {
  await setUp("Harbour & Finch");
  await page.goto(`${origin}/integrations`);
  assert.ok((await page.locator("main").innerText()).includes("Nothing is connected yet"));
  return {};
}

const step = async (number) => {
  await page.waitForURL(new RegExp(`/step/${number}(#.*)?$`));
  await shot(`${about.provider}-step-${number}`);
};
// Two buttons go on: the first one of the form is for Enter and not seen.
const goOn = () => page.locator(".card-foot button[value=next]").click();

async function connect() {
  await signIn();
  await page.goto(`${origin}/integrations`);
  await page.getByRole("button", { name: `Connect ${about.title}` }).click();
  await step(2);
  await page.getByRole("button", { name: /^Back to/ }).click();
  await step(1);
  assert.ok(await page.locator(`input[name=provider][value=${about.provider}]`).isChecked());
  await goOn();
  await step(2);
  await page.locator(`input[name=mode][value=${about.mode}]`).check();
  await goOn();
  await step(3);
  const external = page.locator("#external");
  if (await external.count()) {
    // What the trust policy of the role would hold.
    const body = await external.innerText();
    assert.ok((await fetch(`${about.fixture}/_fixture/external-id`, { method: "POST", body })).ok);
  }
  for (const [name, value] of Object.entries(about.choices ?? {})) {
    await page.locator(`input[name=${name}][value=${value}]`).check();
  }
  for (const [name, value] of Object.entries(about.fields)) await page.fill(`#${name}`, value);
  await goOn();
  await step(4);
  await goOn();
  await step(5);
  await goOn();
  await step(6);
  await page.getByRole("button", { name: "Run the test" }).click();
  await page.getByRole("button", { name: "Run it again" }).waitFor();
  const checks = await page.locator("main form ul.flow li > span.muted").allInnerTexts();
  assert.ok(checks.length > 0 && checks.every((text) => !text.includes("failed")), `${checks}`);
  await shot(`${about.provider}-tested`);
  await goOn();
  await step(7);
  assert.ok((await page.locator("main form").first().innerText()).includes("at once"));
  await page.getByRole("button", { name: "Create integration" }).click();
  await page.waitForURL(/\/integrations\/[a-z0-9-]+\?done=created/);
  assert.ok((await heading()).includes(about.fields.name));
  return { slug: new URL(page.url()).pathname.split("/").pop(), checks };
}

// The page turns green by itself: a person looks at it again and again.
async function healthy() {
  await signIn();
  const pill = page.locator(".page-head .pill");
  for (let looks = 0; looks < 120; looks += 1) {
    await page.goto(`${origin}/integrations/${about.slug}`);
    if ((await pill.innerText()) === "Healthy") break;
    await page.waitForTimeout(500);
  }
  await shot(`${about.slug}-healthy`);
  assert.equal(await pill.innerText(), "Healthy");
  const events = await page.locator("dl.strip dd").nth(2).innerText();
  return { events };
}

async function alert() {
  await signIn();
  const found = await openAlert(about.actor);
  await shot(`${about.slug}-alert`);
  const why = page.locator("#why");
  const sentences = await why.locator("tbody tr").allInnerTexts();
  assert.equal(sentences.length, found.rows);
  assert.ok(sentences.every((text) => text.trim().length > 20), `${sentences}`);
  return { ...found, sentences };
}

await visit({ begin, connect, healthy, alert });
