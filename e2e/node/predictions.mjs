// The replicate package's predictions, call by call, and its webhooks. base ends in /v1.
import { validateWebhook } from "replicate";
import { asked, client } from "./replicate.mjs";
import { download } from "./save.mjs";
import { receiver } from "./hook.mjs";

const pictures = (p) => Promise.all([p.output ?? []].flat().map(download));

/** begin is predictions.create; more is what is beside the input. */
const begin = async (job, replicate, more) => replicate.predictions.create({ model: job.model, input: await asked(job), ...more });

async function until(replicate, id, wanted, states) {
  for (;;) {
    const p = await replicate.predictions.get(id);
    states.push(p.status);
    if (wanted.includes(p.status)) return p;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** get is create, and get until it is over. */
export async function get(job) {
  const replicate = client(job);
  const p = await begin(job, replicate);
  const states = [p.status];
  const done = await until(replicate, p.id, ["succeeded", "failed", "canceled"], states);
  return { images: await pictures(done), states, reason: done.error ?? undefined };
}

/** wait has the answer to create be the end of it. */
export async function wait(job) {
  const p = await begin(job, client(job), { wait: 20 });
  return { images: await pictures(p), states: [p.status], reason: p.error ?? undefined };
}

/** cancel takes a prediction back that is being worked on. */
export async function cancel(job) {
  const replicate = client(job);
  const p = await begin(job, replicate);
  const states = [p.status];
  await until(replicate, p.id, ["processing"], states);
  await replicate.predictions.cancel(p.id);
  const done = await until(replicate, p.id, ["canceled"], states);
  return { states, text: `${done.status} ${done.output} ${done.error}` };
}

/** pages makes more predictions than there are on a page, and looks for them on all pages. text is what was found. */
export async function pages(job) {
  const replicate = client(job);
  const made = [];
  for (let i = 0; i < 105; i += 15) {
    const some = Array.from({ length: 15 }, (_, k) => begin({ ...job, prompt: `${job.prompt} ${i + k}` }, replicate));
    made.push(...(await Promise.all(some)));
  }
  const all = [];
  let pages = 0;
  for await (const page of replicate.paginate(replicate.predictions.list)) {
    all.push(...page);
    pages++;
  }
  const found = made.filter((p) => all.some((one) => one.id === p.id)).length;
  const first = await replicate.predictions.list();
  return { text: `${found} of ${made.length}, ${new Set(all.map((p) => p.id)).size} of ${all.length}, ${first.results.length} in ${pages} pages` };
}

/** hook has itself called back, and validates each call with the secret that it asks for. */
export async function hook(job) {
  const replicate = client(job);
  const hook = await receiver((calls) => calls.some((c) => /completed$/.test(c.headers["webhook-id"])));
  try {
    const webhook_events_filter = ["start", "completed"];
    const p = await begin(job, replicate, { webhook: hook.url, webhook_events_filter });
    const calls = await hook.calls;
    const { key } = await replicate.webhooks.default.secret.get();
    const valid = await Promise.all(calls.map((c) => validateWebhook(c, key)));
    const forged = await validateWebhook({ ...calls[0], body: calls[0].body + " " }, key);
    const told = calls.map((c) => JSON.parse(c.body));
    const ours = told.every((one) => one.id === p.id);
    const text = `${valid.every(Boolean) && ours && !forged ? "valid" : "not valid"}`;
    return { images: await pictures(told.at(-1)), states: told.map((one) => one.status), text };
  } finally {
    await hook.close();
  }
}
