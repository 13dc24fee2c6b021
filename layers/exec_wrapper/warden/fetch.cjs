// Prints the environment of a runtime, with the values of a secret in it. Node.js 18 and later.
//
// exec_wrapper runs it as: fetch.cjs ENVIRON ENDPOINT REGION
// ENVIRON is a file with the environment that Lambda gave. Records end with NUL: how many variables are as they were,
// these, those of the secret, and an empty one. See exec_wrapper for why it cannot become the runtime itself.
'use strict';
const crypto = require('crypto');
const fs = require('fs');

const MARKER = '{{warden}}';
const DEADLINE = Date.now() + 8000; // Lambda gives 10 s for the whole start
const TRY_MILLISECONDS = 3000;
const TRANSIENT = ['Throttling', 'ThrottlingException', 'TooManyRequestsException', 'RequestLimitExceeded'];

// Why the secret cannot be read, for a person.
class NotReadable extends Error {}

async function main(environ, endpoint, region) {
  // latin1 has a character for each byte, so what is no UTF-8 survives.
  const entries = fs.readFileSync(environ, 'latin1').split('\0').filter((entry) => entry.includes('='));
  const variables = new Map(entries.map((entry) => [entry.split('=', 1)[0], entry.slice(entry.indexOf('=') + 1)]));
  const arn = variables.get('WARDEN_SECRET');
  const following = variables.get('WARDEN_NEXT_WRAPPER');
  for (const name of ['WARDEN_SECRET', 'WARDEN_NEXT_WRAPPER', 'AWS_LAMBDA_EXEC_WRAPPER']) variables.delete(name);
  if (following) variables.set('AWS_LAMBDA_EXEC_WRAPPER', following);

  const moved = [...variables.keys()].filter((name) => variables.get(name) === MARKER);
  const found = moved.length ? await values(moved, arn, variables, endpoint, region) : [];
  const unmoved = [...variables].filter(([name]) => !moved.includes(name));
  const records = [String(unmoved.length), ...[...unmoved, ...found].map((pair) => pair.join('=')), ''];
  fs.writeFileSync(1, Buffer.from(records.map((record) => record + '\0').join(''), 'latin1'));
}

async function values(moved, arn, variables, endpoint, region) {
  if (!arn) fail(`${moved.join(', ')} cannot be set: there is no WARDEN_SECRET`);
  const secret = await readSecret(arn, endpoint, region, variables).catch((error) => {
    if (error instanceof NotReadable) fail(`${arn} cannot be read: ${error.message}`);
    throw error;
  });
  const missing = moved.filter((name) => !Object.hasOwn(secret, name));
  const unfit = moved.filter((name) => !missing.includes(name) && !fits(secret[name]));
  for (const [names, why] of [[missing, 'no value of this name'], [unfit, 'no text that fits a variable']]) {
    if (names.length) fail(`${names.sort().join(', ')} cannot be set: ${arn} has ${why}`);
  }
  return moved.map((name) => [name, Buffer.from(secret[name]).toString('latin1')]);
}

// Half of a surrogate pair is a text in JSON, but no UTF-8.
function fits(value) {
  return typeof value === 'string' && !value.includes('\0') && Buffer.from(value).toString() === value;
}

// GetSecretValue (AWS Secrets Manager API reference); the secret's JSON object.
async function readSecret(arn, endpoint, region, variables) {
  const keys = await credentials(variables);
  const body = JSON.stringify({ SecretId: arn });
  const bundle = variables.get('AWS_CA_BUNDLE');
  const answer = await insist('POST', endpoint, (url) => signed(url, body, region, keys), body, bundle);
  const secret = parsed(answer.SecretString);
  if (!secret) throw new NotReadable('its value is not a JSON object');
  return secret;
}

// The access key, the secret key and the session token.
async function credentials(variables) {
  let keys = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].map((name) => variables.get(name));
  const uri = variables.get('AWS_CONTAINER_CREDENTIALS_FULL_URI');
  if (uri && keys[0] === undefined) {
    const authorization = variables.get('AWS_CONTAINER_AUTHORIZATION_TOKEN') ?? '';
    const answer = await insist('GET', uri, () => ({ authorization }));
    keys = [answer.AccessKeyId, answer.SecretAccessKey, answer.Token];
  }
  if (!keys[0] || !keys[1]) throw new NotReadable('the function has no credentials');
  return keys;
}

// The headers of a request signed with Signature Version 4 (IAM user guide, "Create a signed request").
function signed(url, body, region, [accessKey, secretKey, token]) {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers = { 'content-type': 'application/x-amz-json-1.1', host: url.host, 'x-amz-date': date };
  if (token) headers['x-amz-security-token'] = token;
  headers['x-amz-target'] = 'secretsmanager.GetSecretValue';
  const names = Object.keys(headers).join(';');
  const lines = ['POST', url.pathname, '', ...Object.entries(headers).map((header) => header.join(':'))];
  const request = sha256([...lines, '', names, sha256(body)].join('\n'));
  const scope = [date.slice(0, 8), region, 'secretsmanager', 'aws4_request'];
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), request].join('\n');
  const hmac = (key, part) => crypto.createHmac('sha256', key).update(part).digest();
  const signature = [...scope, toSign].reduce(hmac, `AWS4${secretKey}`).toString('hex');
  const credential = [accessKey, ...scope].join('/');
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return headers;
}

function sha256(text) {
  return crypto.createHash('sha256').update(text).digest('hex');
}

// The JSON object that is answered with status 200; what may go better a moment later is tried again.
async function insist(method, text, headers, body, bundle) {
  const url = endpointUrl(text);
  for (let pause = 100; ; pause = Math.min(pause * 2, 1600)) {
    let cause;
    try {
      const [status, answer] = await exchange(method, url, headers(url), body, bundle);
      const found = parsed(answer) ?? {};
      if (status === 200) return found;
      const code = String(found.__type ?? `HTTP status ${status}`).split('#').pop();
      cause = [code, found.message ?? found.Message].filter(Boolean).join(': ');
      if (status < 500 && status !== 429 && !TRANSIENT.includes(code)) throw new NotReadable(cause);
    } catch (error) {
      if (error instanceof NotReadable) throw error;
      cause = `no answer from ${text}: ${error.message}`;
      // What is wrong with a certificate, or with the file of those to trust, stays wrong.
      if (/CERT|SIGNATURE|ISSUER|ENOENT/.test(error.code)) throw new NotReadable(cause);
    }
    const wait = pause * (0.5 + Math.random() / 2); // not every execution environment at the same moment
    if (Date.now() + wait > DEADLINE) throw new NotReadable(`${cause} (tried for 8 s)`);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function endpointUrl(text) {
  try {
    const url = new URL(text);
    if (['http:', 'https:'].includes(url.protocol)) return url;
  } catch {} // said below
  throw new NotReadable(`its endpoint ${text} is no URL with http or https`);
}

// The status and the body of one request.
function exchange(method, url, headers, body, bundle) {
  const ca = bundle ? fs.readFileSync(bundle) : undefined;
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, ca };
    const request = require(url.protocol.slice(0, -1)).request(url, options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve([response.statusCode, Buffer.concat(parts).toString()]));
    });
    request.on('error', reject);
    request.on('close', () => clearTimeout(timer));
    const late = () => request.destroy(new Error('it took too long'));
    const timer = setTimeout(late, Math.min(TRY_MILLISECONDS, DEADLINE - Date.now()));
    request.end(body);
  });
}

// A JSON object, undefined for anything else. What is wrong with it is not told: that could show a value.
function parsed(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === 'object' && !Array.isArray(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

// Ends with one line in the function's log.
function fail(sentence) {
  fs.writeSync(2, `${`lambda-warden: ${sentence}`.replace(/\p{C}/gu, ' ').slice(0, 300)}\n`);
  process.exit(1);
}

// Whatever else goes wrong, its text could hold a value.
main(...process.argv.slice(2)).catch((error) => fail(`the runtime cannot be started: ${error.name}`));
