// The MCP clients for TypeScript, that of before and that of today, and the inspector's command line: each call of the plan, with
// what came of it. Reads the plan from its input: { url, key, wrong, modules }.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const plan = JSON.parse(await text(process.stdin));
const require = createRequire(join(plan.modules, 'package.json'));
const before = {
  ...require('@modelcontextprotocol/sdk/client/index.js'),
  ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
};
const today = require('@modelcontextprotocol/client');

const print = (call, outcome) => console.log(JSON.stringify({ call, outcome }));

/** What a result says, in a few words: its code, or what of it is the same in each run. */
const said = result => {
  const body = JSON.parse(result.content[0].text);
  const parts = [result.isError ? 'error' : 'fine', `${result.content.length} text`];
  if (result.structuredContent) parts.push('structured');
  if (body.code) parts.push(body.code);
  if (body.preview_id) parts.push('preview');
  if (body.data) parts.push(`${body.data.length} rows`);
  return parts.join(', ');
};

const attempt = async (call, work) => {
  try {
    print(call, await work());
  } catch (error) {
    print(call, `failed: ${error.code ?? error.name}`);
  }
};

const connect = async ({ Client, StreamableHTTPClientTransport }, key, options) => {
  const headers = { Authorization: `Bearer ${key}` };
  const transport = new StreamableHTTPClientTransport(new URL(plan.url), { requestInit: { headers } });
  const client = new Client({ name: 'drive', version: '1' }, options);
  await client.connect(transport);
  return [client, transport];
};

/** Lists and calls; a write, too, which is done once. */
const drive = async (way, sdk, options) => {
  await attempt(`${way}: wrong key`, async () => {
    await connect(sdk, plan.wrong, options);
    return 'connected';
  });
  const [client, transport] = await connect(sdk, plan.key, options);
  print(`${way}: version`, transport.protocolVersion);
  print(`${way}: server`, client.getServerVersion().name);
  await attempt(`${way}: tools`, async () => `${(await client.listTools()).tools.length}`);
  const call = (name, tool, args) =>
    attempt(`${way}: ${name}`, async () => said(await client.callTool({ name: tool, arguments: args })));
  await call('status', 'status', {});
  await call('item', 'find_items', { sku: 'SHELF-OAK-80' });
  await call('rows', 'find_deals', { per_page: 2 });
  await call('unknown sku', 'find_items', { sku: 'NO-SUCH' });
  await call('unknown argument', 'find_items', { skus: 'SHELF-OAK-80' });
  await call('unknown tool', 'find_planets', {});
  const change = { sku: 'SHELF-OAK-80', location: 'Main', delta: -1, reason: 'Damaged goods' };
  let preview;
  await attempt(`${way}: preview`, async () => {
    const result = await client.callTool({ name: 'adjust_stock', arguments: { ...change, dry_run: true } });
    preview = JSON.parse(result.content[0].text).preview_id;
    return said(result);
  });
  const answers = [];
  for (const name of ['perform', 'perform again'])
    await attempt(`${way}: ${name}`, async () => {
      const sent = { ...change, idempotency_key: preview };
      const result = await client.callTool({ name: 'adjust_stock', arguments: sent });
      answers.push(result.content[0].text);
      return said(result);
    });
  print(`${way}: both are one`, `${answers.length === 2 && answers[0] === answers[1]}`);
  await client.close();
};

await drive('before', before);
await drive('handshake', today);
await drive('stateless', today, { versionNegotiation: { mode: 'auto' } });

/** The inspector's command line; what it prints is the result. It looks for its own version from where it is started. */
const inspect = (...args) => {
  const cwd = join(plan.modules, 'node_modules/@modelcontextprotocol/inspector-cli/build');
  const header = `Authorization: Bearer ${plan.key}`;
  const all = ['cli.js', '--cli', plan.url, '--transport', 'http', '--header', header, ...args];
  return new Promise((done, fail) =>
    execFile(process.execPath, all, { cwd, timeout: 60_000 }, (error, out) => (error ? fail(error) : done(JSON.parse(out)))),
  );
};
await attempt('inspector lists', async () => `${(await inspect('--method', 'tools/list')).tools.length}`);
await attempt('inspector calls', async () =>
  said(await inspect('--method', 'tools/call', '--tool-name', 'find_items', '--tool-arg', 'sku=SHELF-OAK-80')),
);
