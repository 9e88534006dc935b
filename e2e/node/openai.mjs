// The openai package. base ends in /v1.
import fs from "node:fs";
import OpenAI, { toFile } from "openai";
import { defined, download } from "./save.mjs";

const client = (job) => new OpenAI(defined({ apiKey: job.key, baseURL: job.base, maxRetries: job.retries }));

const asked = (job) => defined({ model: job.model, prompt: job.prompt, n: job.n, size: job.size, ...job.input });

async function delivered(reply) {
  const mime = reply.output_format && `image/${reply.output_format}`;
  const images = reply.data.map((d) => (d.url ? download(d.url) : { bytes: Buffer.from(d.b64_json, "base64"), mime }));
  return { images: await Promise.all(images), usage: reply.usage, requestId: reply._request_id };
}

/** generate makes pictures from words. */
export const generate = async (job) => delivered(await client(job).images.generate(asked(job)));

/** edit sends files, as an app does that has them on disk. */
export async function edit(job) {
  const image = await Promise.all(job.images.map((f) => toFile(fs.createReadStream(f), "in.png", { type: "image/png" })));
  const mask = job.mask && (await toFile(fs.createReadStream(job.mask), "mask.png", { type: "image/png" }));
  return delivered(await client(job).images.edit(defined({ ...asked(job), image: image.length === 1 ? image[0] : image, mask })));
}

/** stream shows drafts as they come. The images are those of completed events. */
export async function stream(job) {
  const images = [];
  let partials = 0;
  for await (const e of await client(job).images.generate({ ...asked(job), stream: true })) {
    if (e.type === "image_generation.partial_image") partials++;
    if (e.type === "image_generation.completed") {
      images.push({ bytes: Buffer.from(e.b64_json, "base64"), mime: `image/${e.output_format}` });
    }
  }
  return { images, partials };
}

/** models is a request that makes no picture: it passes through. */
export async function models(job) {
  const ids = [];
  for await (const m of client(job).models.list()) ids.push(m.id);
  return { text: ids.join(" ") };
}
