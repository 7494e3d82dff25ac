// A person at a real browser: makes the visits that tests/it/chromium.rs plans and says what is wrong with them.

import { createRequire } from 'node:module';

import { faults } from './looks.mjs';

const plan = JSON.parse(process.argv[2]);
const { chromium } = createRequire(plan.modules)('playwright-core');

const WIDTHS = [320, 390, 1280];
const SHOTS = { 'phone-light': [390, 'light'], 'phone-dark': [390, 'dark'], 'desktop-light': [1280, 'light'], 'desktop-dark': [1280, 'dark'] };
const ELSEWHERE = 'http://elsewhere.invalid/picture.png';

/** A browser of its own: no cookie of another visit, and everything that it loads or complains of is noted. */
async function browse(chrome, javaScriptEnabled, wrong) {
  const context = await chrome.newContext({ javaScriptEnabled });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.on('request', (request) => {
    if (!plan.origins.includes(new URL(request.url()).origin)) wrong.push(`it loads ${request.url()}`);
  });
  page.on('console', (message) => {
    // A page of refusal has a status of refusal, which Chromium notes.
    const status = message.text().startsWith('Failed to load resource') && message.location().url === page.url();
    if (['error', 'warning'].includes(message.type()) && !status) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`script: ${error}`));
  return page;
}

/** A measurement, made again where the demo's page has just loaded itself anew. */
async function steady(measure) {
  try {
    return await measure();
  } catch (error) {
    if (!/context|navigat/i.test(error.message)) throw error;
    return measure();
  }
}

async function look(page, wrong) {
  const views = {};
  for (const width of WIDTHS) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      for (const fault of await steady(() => page.evaluate(faults))) {
        (views[fault] ??= new Set()).add(`${width} px ${colorScheme}`);
      }
    }
  }
  wrong.push(...Object.entries(views).map(([fault, where]) => `${fault} (${[...where].join(', ')})`));
}

/** What is read at the end of a visit, now and after a reload. */
async function read(page, visit, wrong) {
  const heading = await steady(() => page.locator('h1').innerText());
  if (heading !== visit.title) wrong.push(`its heading is “${heading}”, not “${visit.title}”`);
  const text = await steady(() => page.locator('main').innerText());
  for (const words of visit.says) if (!text.includes(words)) wrong.push(`it does not say “${words}”: ${text}`);
}

async function visit(chrome, visit, scripts, wrong) {
  let page = await browse(chrome, scripts, wrong);
  await page.goto(visit.open[scripts ? 0 : 1]);
  if (visit.carried) {
    // The address, carried to another browser.
    const address = page.url();
    await page.context().close();
    page = await browse(chrome, scripts, wrong);
    await page.goto(address);
  }
  for (const name of visit.press) await page.getByRole('button', { name }).click();
  await page.locator('h1', { hasText: visit.title }).waitFor();
  await read(page, visit, wrong);
  await page.reload();
  await read(page, visit, wrong);

  if (visit.clean) {
    const { pathname, search, hash } = new URL(page.url());
    if (pathname !== '/oauth/callback' || search || hash) wrong.push(`it ends at ${page.url()}`);
    const devtools = await page.context().newCDPSession(page);
    const { entries } = await devtools.send('Page.getNavigationHistory');
    for (const { url } of entries) if (/[?&]code=/.test(url)) wrong.push(`the history holds ${url}`);
    const cookies = await page.context().cookies();
    if (!cookies.length || !cookies.every(({ httpOnly }) => httpOnly)) wrong.push('a cookie is open to scripts');
  }
  const seen = await steady(() => page.evaluate(() => document.cookie));
  if (seen) wrong.push(`scripts see cookies: ${seen}`);
  // Without JavaScript it looks the same: there is none.
  if (scripts) await portray(page, visit.name, wrong);
  // Further pages of the same browser, which are reached by their links in the head.
  for (const further of visit.more) {
    await page.getByRole('navigation').getByRole('link', { name: further.title, exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: further.title }).waitFor();
    await read(page, further, wrong);
    if (scripts) await portray(page, further.name, wrong);
  }
  return page;
}

/** Looks at a page, and keeps how it looks. */
async function portray(page, name, wrong) {
  await look(page, wrong);
  for (const [shot, [width, colorScheme]] of Object.entries(SHOTS)) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${plan.shots}/${name}-${shot}.png`, fullPage: true });
  }
}

/** Whether the watch would notice: a page spoiled on purpose. */
async function control(page, wrong, of) {
  const before = of.length;
  await page.evaluate((src) => {
    const spoiled = document.createElement('p');
    spoiled.textContent = 'spoiled';
    Object.assign(spoiled.style, { color: '#999', width: '2000px' });
    document.body.append(spoiled, Object.assign(document.createElement('img'), { src }));
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'alert(1)' }));
  }, ELSEWHERE);
  await look(page, of);
  const noticed = of.splice(before).join('\n');
  for (const sign of ['px wide', 'contrast', 'img-src', 'script-src']) {
    if (!noticed.includes(sign)) wrong.push(`a spoiled page passes: nothing says “${sign}” in ${noticed}`);
  }
}

// Whatever the pages say, no name but this machine's is found.
const args = ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'];
const chrome = await chromium.launch({ executablePath: plan.chromium, args });
console.log(`Chromium ${chrome.version()}`);
let failed = false;
const tell = (name, wrong) => {
  failed ||= wrong.length > 0;
  console.log([`${wrong.length ? '✗' : '✓'} ${name}`, ...[...new Set(wrong)].slice(0, 9)].join('\n    '));
};
for (const scripts of [true, false]) {
  for (const planned of plan.visits) {
    const wrong = [];
    try {
      const page = await visit(chrome, planned, scripts, wrong);
      if (scripts && planned === plan.visits[0]) {
        const unnoticed = [];
        await control(page, unnoticed, wrong);
        tell('the watch notices what is wrong', unnoticed);
      }
      await page.context().close();
    } catch (error) {
      wrong.push(String(error));
    }
    tell(`${planned.name}${scripts ? '' : ', without JavaScript'}`, wrong);
  }
}
await chrome.close();
process.exit(failed ? 1 : 0);
