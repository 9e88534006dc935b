// An app's webhook: what it was called with, to be checked by whoever made it.
import { createServer } from "node:http";

/** receiver listens. calls resolves once enough (of the calls so far) says so; the caller closes it. */
export async function receiver(enough) {
  const got = [];
  let done;
  const calls = new Promise((resolve) => (done = resolve));
  const server = createServer(async (q, r) => {
    const parts = [];
    for await (const p of q) parts.push(p);
    r.end();
    got.push({ headers: q.headers, body: Buffer.concat(parts).toString() });
    if (enough(got)) done(got);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/hook?of=app`, calls, close };
}
