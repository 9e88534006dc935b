// What the Python clients do, as far as it differs: fal_client follows the addresses that it is given and reads some
// members of every status as if they must be there; replicate asks for a version's document before it returns its output, and
// its second version reads still more members.
import { defined, download } from "./save.mjs";

/** ask is a request of theirs; anything but 2xx is raised. */
async function ask(url, scheme, job, init = {}) {
  const reply = await fetch(url, { ...init, headers: { authorization: `${scheme} ${job.key}`, ...init.headers } });
  if (!reply.ok) throw new Error(`${url}: HTTP ${reply.status} ${await reply.text()}`);
  return reply.json();
}

const post = (doc, headers) => ({ method: "POST", body: JSON.stringify(doc), headers: { "content-type": "application/json", ...headers } });

/** need is a member that Python would raise KeyError for. */
function need(doc, ...names) {
  for (const name of names) if (!(name in doc)) throw new Error(`KeyError: ${name} in ${JSON.stringify(doc)}`);
}

/** fal is fal_client.subscribe(with_logs=True). */
export async function fal(job) {
  const input = { prompt: job.prompt, num_images: job.n, ...job.input };
  const handle = await ask(`${job.base}/fal/queue/${job.model}`, "Key", job, post(input, { "x-fal-queue-priority": "normal" }));
  need(handle, "request_id", "response_url", "status_url", "cancel_url");
  const states = [];
  for (;;) {
    const s = await ask(`${handle.status_url}?logs=true`, "Key", job);
    states.push(s.status);
    if (s.status === "IN_QUEUE") need(s, "queue_position");
    else {
      need(s, "logs");
      for (const log of s.logs) need(log, "message"); // of those who print them: not over None
    }
    if (s.status === "COMPLETED") break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const data = await ask(handle.response_url, "Key", job);
  return { images: await Promise.all(data.images.map((i) => download(i.url))), states, requestId: handle.request_id };
}

/** replicate is replicate.run(ref); "owner/name:version" has the version looked up. */
export async function replicate(job) {
  const [name, version] = job.model.split(":");
  const input = defined({ prompt: job.prompt, ...job.input });
  const begun = version
    ? await ask(`${job.base}/predictions`, "Bearer", job, post({ input, version }, { prefer: "wait" }))
    : await ask(`${job.base}/models/${name}/predictions`, "Bearer", job, post({ input }, { prefer: "wait" }));
  let p = begun;
  let shape = "not looked up";
  if (version) {
    const doc = await ask(`${job.base}/models/${name}/versions/${version}`, "Bearer", job);
    need(doc, "id", "created_at", "cog_version", "openapi_schema");
    shape = doc.openapi_schema.components.schemas.Output.type;
  }
  const states = [p.status];
  for (; p.status === "starting" || (begun.status === "starting" && p.status === "processing"); states.push(p.status)) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    p = await ask(p.urls.get, "Bearer", job);
  }
  need(p, "id", "model", "version", "status", "urls");
  if (p.status === "failed") throw new Error(`ModelError: ${p.error}`);
  return { images: await Promise.all([p.output].flat().map(download)), states, text: shape };
}

/** replicate2 is the second version's use(ref)(input): it asks for the model first, does not wait, and reads every prediction whole. */
export async function replicate2(job) {
  const model = await ask(`${job.base}/models/${job.model}`, "Bearer", job);
  need(model, "owner", "name", "latest_version");
  need(model.latest_version, "id", "openapi_schema");
  const input = defined({ prompt: job.prompt, ...job.input });
  let p = await ask(`${job.base}/models/${job.model}/predictions`, "Bearer", job, post({ input }));
  const states = [];
  for (;;) {
    need(p, "id", "created_at", "data_removed", "input", "model", "output", "status", "urls", "version");
    need(p.urls, "cancel", "get", "web");
    if (Number.isNaN(Date.parse(p.created_at))) throw new Error(`ValidationError: created_at ${p.created_at}`);
    states.push(p.status);
    if (["succeeded", "failed", "canceled"].includes(p.status)) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
    p = await ask(`${job.base}/predictions/${p.id}`, "Bearer", job);
  }
  if (p.status === "failed") throw new Error(`ModelError: ${p.error}`);
  return { images: await Promise.all([p.output].flat().map(download)), states };
}
