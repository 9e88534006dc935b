// @google/genai: 3.3.0, and 2.18.0 (genai2), the last that sends Imagen's :predict. base has no version.
import { GoogleGenAI } from "@google/genai";
import { GoogleGenAI as GoogleGenAI2 } from "genai2";
import { defined, pictures } from "./save.mjs";

const client = (job) =>
  new (job.sdk === "genai2" ? GoogleGenAI2 : GoogleGenAI)(
    { apiKey: job.key, vertexai: job.form === "vertex", httpOptions: { baseUrl: job.base } });

async function asked(job) {
  const refs = (await pictures(job)).map((p) => ({ inlineData: { mimeType: "image/png", data: p.base64 } }));
  return {
    model: job.model,
    contents: [{ role: "user", parts: [{ text: job.prompt }, ...refs] }],
    config: defined({ responseModalities: ["IMAGE"], imageConfig: job.ratio && { aspectRatio: job.ratio }, ...job.input }),
  };
}

const parts = (reply) => (reply.candidates ?? []).flatMap((c) => c.content?.parts ?? []);

const drawn = (list) =>
  list.filter((p) => p.inlineData && !p.thought)
    .map((p) => ({ bytes: Buffer.from(p.inlineData.data, "base64"), mime: p.inlineData.mimeType }));

/** generate is generateContent. A refusal is no error there, but a reason. */
export async function generate(job) {
  const reply = await client(job).models.generateContent(await asked(job));
  return {
    images: drawn(parts(reply)),
    reason: reply.promptFeedback?.blockReason ?? reply.candidates?.[0]?.finishReason,
    usage: reply.usageMetadata,
  };
}

/** models is a request that makes no picture: it passes through. */
export async function models(job) {
  const names = [];
  for await (const m of await client(job).models.list()) names.push(m.name);
  return { text: names.join(" ") };
}

/** stream is generateContentStream. */
export async function stream(job) {
  const images = [];
  let chunks = 0;
  for await (const reply of await client(job).models.generateContentStream(await asked(job))) {
    chunks++;
    images.push(...drawn(parts(reply)));
  }
  return { images, chunks };
}

/** predict is generateImages, Imagen's form. */
export async function predict(job) {
  const config = defined({ numberOfImages: job.n, aspectRatio: job.ratio, ...job.input });
  const reply = await client(job).models.generateImages({ model: job.model, prompt: job.prompt, config });
  const made = (reply.generatedImages ?? []).filter((g) => g.image?.imageBytes);
  return {
    images: made.map((g) => ({ bytes: Buffer.from(g.image.imageBytes, "base64"), mime: g.image.mimeType })),
    reason: reply.generatedImages?.find((g) => g.raiFilteredReason)?.raiFilteredReason,
  };
}
