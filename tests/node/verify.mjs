// A webhook handler as one writes it first: an HMAC of the raw body, compared, and an answer. Nothing is stored and nothing
// is known again. tests/it/measurements/deliveries.rs measures what a delivery costs it, beside ours.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.WEBHOOK_SECRET;

const isGenuine = (body, header) => {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(header ?? '');
  return expected.length === given.length && timingSafeEqual(expected, given);
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    response.statusCode = isGenuine(Buffer.concat(chunks), request.headers['x-signature']) ? 200 : 401;
    response.end();
  });
});

server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
