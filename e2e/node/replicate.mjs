// The replicate package. base ends in /v1.
import Replicate from "replicate";
import { defined, picture, pictures } from "./save.mjs";

export const client = (job) => new Replicate(defined({ auth: job.key, baseUrl: job.base, fileEncodingStrategy: job.files }));

export async function asked(job) {
  const [ref] = (await pictures(job)).map((p) => (job.files ? p.bytes : p.dataURI));
  const mask = job.mask && (await picture(job.mask)).dataURI;
  return defined({ prompt: job.prompt, num_outputs: job.n, aspect_ratio: job.ratio, image: ref, mask, ...job.input });
}

// A FileOutput is what apps are told to expect: bare strings would break them.
async function delivered(output) {
  return Promise.all(
    [output].flat().map(async (file) => {
      const blob = await file.blob();
      return { bytes: Buffer.from(await blob.arrayBuffer()), mime: blob.type, url: String(file.url()).slice(0, 40) };
    }),
  );
}

/** run waits in the first request; poll asks again and again. */
export const run = async (job) => ({ images: await delivered(await client(job).run(job.model, { input: await asked(job) })) });

export async function poll(job) {
  const wait = { mode: "poll", interval: 50 };
  return { images: await delivered(await client(job).run(job.model, { input: await asked(job), wait })) };
}

/** create is predictions.create, then wait. */
export async function create(job) {
  const replicate = client(job);
  const begun = await replicate.predictions.create({ model: job.model, input: await asked(job) });
  const done = await replicate.wait(begun, { interval: 50 });
  const images = await Promise.all(
    [done.output ?? []].flat().map(async (url) => {
      const blob = await (await fetch(url)).blob();
      return { bytes: Buffer.from(await blob.arrayBuffer()), mime: blob.type };
    }),
  );
  return { images, states: [begun.status, done.status], reason: done.error ?? undefined };
}
