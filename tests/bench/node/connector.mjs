// A connector as one writes it first: a service key, an access token in memory that is renewed near its end, a call to Zoho
// Inventory, and its answer as JSON. With SECRET_ID set, the client and the refresh token come from Secrets Manager, else from
// the environment. Nothing else is done of what the connector does: no quota, no scopes, no shape, no audit.
import { createHash, timingSafeEqual } from 'node:crypto';

const { ACCOUNTS_URL, API_URL, ORGANIZATION_ID, SECRET_ID, SERVICE_KEY } = process.env;

const fromSecretsManager = async () => {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const answer = await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: SECRET_ID }));
  return JSON.parse(answer.SecretString);
};

const fromEnvironment = () => ({
  client_id: process.env.CLIENT_ID,
  client_secret: process.env.CLIENT_SECRET,
  refresh_token: process.env.REFRESH_TOKEN,
});

// While the function starts, its processor is fast: what can be read then is read then.
const secrets = SECRET_ID ? await fromSecretsManager() : fromEnvironment();

let accessToken;
let renewAt = 0;

const token = async () => {
  if (Date.now() < renewAt) return accessToken;
  const body = new URLSearchParams({ ...secrets, grant_type: 'refresh_token' });
  const response = await fetch(`${ACCOUNTS_URL}/oauth/v2/token`, { method: 'POST', body });
  const answer = await response.json();
  if (!response.ok || !answer.access_token) throw new Error(`no token: ${answer.error}`);
  accessToken = answer.access_token;
  renewAt = Date.now() + (answer.expires_in ?? 3600) * 1000 - 60_000;
  return accessToken;
};

const digest = (text) => createHash('sha256').update(text).digest();
const isCaller = (header) => timingSafeEqual(digest(header ?? ''), digest(`Bearer ${SERVICE_KEY}`));

const answer = (statusCode, body) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

export const handler = async (event) => {
  if (!isCaller(event.headers.authorization)) return answer(401, { error: 'unknown key' });
  const path = /^\/v1\/inventory(\/items(?:\/\d+)?)$/.exec(event.rawPath)?.[1];
  if (!path) return answer(404, { error: 'not found' });
  const parameters = new URLSearchParams(event.rawQueryString);
  parameters.set('organization_id', ORGANIZATION_ID);
  const response = await fetch(`${API_URL}/inventory/v1${path}?${parameters}`, {
    headers: { authorization: `Zoho-oauthtoken ${await token()}` },
  });
  const body = await response.json();
  if (!response.ok) return answer(502, { error: body.message });
  return answer(200, body);
};
