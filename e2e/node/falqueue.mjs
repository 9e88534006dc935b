// @fal-ai/client's queue, call by call, as apps use it that do not wait in one place.
import { createHash, createPublicKey, verify } from "node:crypto";
import { asked, client, delivered, watch } from "./fal.mjs";
import { receiver } from "./hook.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** until asks for the status until it is one of those. states gets all that were seen. */
async function until(fal, job, requestId, wanted, states) {
  for (;;) {
    const s = await fal.queue.status(job.model, { requestId, logs: true });
    states.push(s.status);
    if (wanted.includes(s.status)) return s;
    await pause(30);
  }
}

/** queue is submit, status and result. */
export async function queue(job) {
  const fal = client(job);
  const states = [];
  const { request_id: requestId, status } = await fal.queue.submit(job.model, await asked(job));
  states.push(status);
  await until(fal, job, requestId, ["COMPLETED"], states);
  return { ...(await delivered(await fal.queue.result(job.model, { requestId }))), states };
}

/** streaming is subscribe with the stream of states instead of polls. */
export async function streaming(job) {
  const states = [];
  const result = await client(job).subscribe(job.model, { ...(await asked(job)), mode: "streaming", logs: true, onQueueUpdate: watch(states) });
  return { ...(await delivered(result)), states };
}

/** cancel takes a request back that is being worked on. What its result then is, is the error. */
export async function cancel(job) {
  const fal = client(job);
  const states = [];
  const { request_id: requestId } = await fal.queue.submit(job.model, await asked(job));
  await until(fal, job, requestId, ["IN_PROGRESS"], states);
  await fal.queue.cancel(job.model, { requestId });
  await until(fal, job, requestId, ["COMPLETED"], states);
  try {
    await fal.queue.result(job.model, { requestId });
  } catch (err) {
    return { states, text: `${err.status} ${err.body?.error_type}` };
  }
  return { states, text: "a result" };
}

/** hook has itself called back, and shows the picture that it was told of. text is whether that is signed. */
export async function hook(job) {
  const fal = client(job);
  const hook = await receiver((calls) => calls.length === 1);
  try {
    const { request_id: requestId } = await fal.queue.submit(job.model, { ...(await asked(job)), webhookUrl: hook.url });
    const [call] = await hook.calls;
    const told = JSON.parse(call.body);
    const text = told.request_id === requestId && (await signed(job, call)) ? told.status : "forged";
    return { ...(await delivered({ data: told.payload, requestId: told.request_id })), text };
  } finally {
    await hook.close();
  }
}

/** signed checks a call as fal's documentation says, with the keys that are published beside its storage. */
async function signed(job, { headers, body }) {
  const { keys } = await (await fetch(`${job.base}/fal/rest/.well-known/jwks.json`)).json();
  const at = headers["x-fal-webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - at) > 300) return false;
  const sum = createHash("sha256").update(body).digest("hex");
  const text = [headers["x-fal-webhook-request-id"], headers["x-fal-webhook-user-id"], at, sum].join("\n");
  const signature = Buffer.from(headers["x-fal-webhook-signature"], "hex");
  return keys.some((jwk) => verify(null, Buffer.from(text), createPublicKey({ key: jwk, format: "jwk" }), signature));
}
