// @fal-ai/client. base is Switchyard's root: the proxy and the three prefixes are below it.
import { createFalClient } from "@fal-ai/client";
import { defined, download, picture, pictures } from "./save.mjs";

// proxied: every request goes to one address, with the real one in a header.
const proxied = (job) => ({ proxyUrl: { url: `${job.base}/fal/proxy`, when: "always" } });

// rewritten: the app maps fal's hosts itself. job.hosts says where to, if not to Switchyard's prefixes.
function rewritten(job) {
  const to = job.hosts ?? { run: `${job.base}/fal/run`, queue: `${job.base}/fal/queue`, rest: `${job.base}/fal/rest` };
  const names = { "https://fal.run": to.run, "https://queue.fal.run": to.queue, "https://rest.fal.ai": to.rest };
  return {
    requestMiddleware: async (r) => {
      const { origin } = new URL(r.url);
      return { ...r, url: names[origin] + r.url.slice(origin.length) };
    },
  };
}

export const client = (job) =>
  createFalClient({ credentials: job.key, ...(job.form === "proxy" ? proxied(job) : rewritten(job)) });

export async function asked(job) {
  const refs = (await pictures(job)).map((p) => p.dataURI);
  const mask = job.mask && (await picture(job.mask)).dataURI;
  const references = job.many ? { image_urls: refs } : { image_url: refs[0] };
  return { input: defined({ prompt: job.prompt, num_images: job.n, ...(refs.length && references), mask_url: mask, ...job.input }) };
}

export async function delivered({ data, requestId }) {
  const images = await Promise.all(data.images.map((i) => download(i.url)));
  return { images, requestId, flags: data.has_nsfw_concepts, seed: data.seed };
}

/** run is the synchronous call. */
export const run = async (job) => delivered(await client(job).run(job.model, await asked(job)));

/** watch is what fal's pages do on each update. */
export const watch = (states) => (update) => {
  states.push(update.status);
  if (update.status === "IN_PROGRESS") {
    update.logs.map((log) => log.message);
  }
};

/** subscribe submits, polls, and gets the result. */
export async function subscribe(job) {
  const states = [];
  const result = await client(job).subscribe(job.model, { ...(await asked(job)), logs: true, onQueueUpdate: watch(states), pollInterval: 50 });
  return { ...(await delivered(result)), states };
}

/** upload gives a Blob for a reference: the client puts it into fal's storage first. */
export async function upload(job) {
  const [ref] = await pictures(job);
  const blob = new Blob([ref.bytes], { type: "image/png" });
  return delivered(await client(job).run(job.model, { input: { prompt: job.prompt, image_url: blob, ...job.input } }));
}
